"""`deskswarm desktop`."""

from __future__ import annotations

import time
from pathlib import Path

import anyio

from runner.cli.journals import attempts_of_desktop, open_artifacts, open_journal
from runner.cli.output import duration, print_table, write_file
from runner.frames import read_frame
from sandboxes.backend import DesktopRecord
from sandboxes.errors import InputError
from sandboxes.host import Host


def list_desktops() -> None:
    async def records() -> list[DesktopRecord]:
        return await Host().desktops()

    header = ("DESKTOP", "BACKEND", "IMAGE", "AGE", "OWNER", "FOR")
    print_table(header, [_row(record) for record in anyio.run(records)])


def _row(record: DesktopRecord) -> tuple[str, ...]:
    age = duration(time.time() - record.started_at)
    owner = str(record.owner.pid) if record.owner.is_alive() else f"{record.owner.pid} (dead)"
    labels = " ".join(f"{key}={value}" for key, value in sorted(record.labels.items()))
    return record.id, record.backend, record.image, age, owner, labels


def remove_desktop(text: str) -> None:
    """Raises InputError where not exactly one desktop's id begins so."""

    async def remove() -> str:
        host = Host()
        found = [record.id for record in await host.desktops() if record.id.startswith(text)]
        if len(found) != 1:
            problem = f"begins {len(found)} ids" if found else "is not the id of a desktop"
            raise InputError(f"desktop: {text!r} {problem}; `deskswarm desktop ls` lists them")
        await host.stop(found[0])
        return found[0]

    print(anyio.run(remove))


def save_screenshot(text: str, out: Path) -> None:
    """The last checkpoint's picture: a desktop answers its one lease holder and nobody else."""
    with open_journal() as journal:
        for desktop_id, attempt in attempts_of_desktop(journal, text):
            if attempt.checkpoints:
                frame = read_frame(open_artifacts(), attempt.checkpoints[-1].screenshot)
                write_file(out, frame.png())
                print(f"{out} ({desktop_id}, step {attempt.checkpoints[-1].step + 1})")
                return
    raise InputError(f"desktop: no screenshot was taken of one called {text!r}")
