"""Deadlines: kept, and the end of all that was started under them."""

from __future__ import annotations

import anyio

from sandboxes.conformance.subject import Subject, eventually, expect, needs, raises, run, running, shell
from sandboxes.errors import DeadlineExceeded

_MARK = "98765"


async def a_program_ends_with_its_deadline(subject: Subject) -> str:
    desktop = await subject.desktop()
    began = anyio.current_time()
    complaint = await raises(DeadlineExceeded, desktop.exec(["sleep", "100"], timeout=0.5))
    took = anyio.current_time() - began
    expect(took < 90, f"after {took:.1f} s")
    expect((await run(desktop, "true")).exit_code == 0, "programs no longer start")
    return f"{complaint}, after {took:.1f} s"


@needs("real")
async def so_do_its_children(subject: Subject) -> str:
    """Also one in a session of its own, and one whose parent has ended."""
    desktop = await subject.desktop()
    started = f"setsid sleep {_MARK} & (sleep {_MARK} &) ; sleep {_MARK}"
    await raises(DeadlineExceeded, desktop.exec(["sh", "-c", started], timeout=1))

    async def gone() -> bool:
        return (await run(desktop, "pgrep", "-f", f"^sleep {_MARK}")).exit_code == 1

    await eventually("the end of what was started", gone)
    return "a child, one in another session, an orphan"


@needs("real")
async def what_a_program_leaves_behind_at_its_own_end_lives_on(subject: Subject) -> str:
    desktop = await subject.desktop()
    pid = await shell(desktop, f"setsid sleep {_MARK} >/dev/null 2>&1 & echo $!")
    await running(desktop, f"sleep {_MARK}")
    await shell(desktop, f"kill {pid}")
    return "as a launcher's programs do"
