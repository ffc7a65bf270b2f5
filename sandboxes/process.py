"""Processes of the host: one that is kept for as long as it runs, and the certain end of any."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from threading import Thread

import anyio

from sandboxes.owner import Owner

LOG_BYTES = 64 << 10
_READ_BYTES = 64 << 10


def start_kept(
    command: Sequence[str], pass_fds: Sequence[int], log: Path, stdin: int = DEVNULL
) -> tuple[int, Thread]:
    """Start a process under a thread that lives as long as it; return its id, and the thread. Raises OSError.

    The thread keeps the end of what the process writes in `log`, reaps the process, and is the parent
    that a parent-death signal looks at: a pool's thread may end any time.
    """
    started: Future[int] = Future()
    arguments = (command, pass_fds, log, stdin, started)
    thread = Thread(target=_keep, args=arguments, name="deskswarm", daemon=True)
    thread.start()
    return started.result(), thread


async def end(process: Owner) -> None:
    """Kill a process and wait until it is dead. Harmless where it is. Waits without a limit."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if process.is_alive():
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            await anyio.wait_readable(handle)
    finally:
        os.close(handle)


def tail(log: Path) -> str:
    """The end of a kept log, at most `LOG_BYTES`. Raises OSError."""
    return log.read_bytes()[-LOG_BYTES:].decode(errors="replace")


def _keep(
    command: Sequence[str], pass_fds: Sequence[int], log: Path, stdin: int, started: Future[int]
) -> None:
    try:
        process = Popen(
            command, stdin=stdin, stdout=PIPE, stderr=STDOUT, pass_fds=pass_fds, start_new_session=True
        )
    except OSError as error:
        started.set_exception(error)
        return
    with process:
        started.set_result(process.pid)
        assert process.stdout is not None
        _keep_end(process.stdout.fileno(), log)


def _keep_end(source: int, log: Path) -> None:
    """Copy a pipe to its end, cutting the file back to its last `LOG_BYTES` whenever it has doubled."""
    with log.open("wb") as file:
        while piece := os.read(source, _READ_BYTES):
            file.write(piece)
            file.flush()
            if file.tell() > 2 * LOG_BYTES:
                kept = log.read_bytes()[-LOG_BYTES:]
                file.seek(0)
                file.truncate()
                file.write(kept)
