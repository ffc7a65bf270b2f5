"""A program of others, run to its end: what it says is bounded, and so is its time; nothing of it stays."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import Process

MAX_ANSWER_BYTES = 1 << 20
LOG_BYTES = 64 << 10
END_GRACE_S = 5.0


@dataclass(slots=True)
class Ended:
    """How it ended: `code` is None where it was killed at the deadline. `stderr` is the end of it."""

    code: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""


async def run_contained(command: list[str], stdin: bytes, deadline_s: float, folder: Path) -> Ended:
    """At home in `folder`, with nothing of our environment but the path. Raises OSError where it does not
    start."""
    ended = Ended()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LANG": "C.UTF-8"}
    process = await anyio.open_process(command, cwd=folder, env=environment, start_new_session=True)
    try:
        with anyio.move_on_after(deadline_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_keep_answer, process, ended)
                tasks.start_soon(_keep_log, process, ended)
                await _give(process, stdin)
                ended.code = await process.wait()
                _kill_group(process)  # what it left would keep its output open
                tasks.cancel_scope.deadline = anyio.current_time() + END_GRACE_S
    finally:
        _kill_group(process)
        with anyio.CancelScope(shield=True):
            await process.aclose()
    return ended


async def _give(process: Process, data: bytes) -> None:
    assert process.stdin is not None
    with suppress(anyio.BrokenResourceError, OSError):  # it is gone, which is told by how it ended
        await process.stdin.send(data)
        await process.stdin.aclose()


async def _keep_answer(process: Process, ended: Ended) -> None:
    """Its beginning; read all the time, so that the program never waits for us."""
    assert process.stdout is not None
    async for piece in process.stdout:
        ended.stdout = (ended.stdout + piece)[:MAX_ANSWER_BYTES]


async def _keep_log(process: Process, ended: Ended) -> None:
    assert process.stderr is not None
    async for piece in process.stderr:
        ended.stderr = (ended.stderr + piece)[-LOG_BYTES:]


def _kill_group(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
