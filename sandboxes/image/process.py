"""Run a build tool: its output line by line, its end certain."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from subprocess import PIPE, STDOUT

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from sandboxes.errors import ImageBuildError

_KEPT_LINES = 40
_GRACE_SECONDS = 20.0


async def run_logged(
    command: Sequence[str],
    on_line: Callable[[str], None] = lambda _line: None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end, telling each line it writes.

    Raises ImageBuildError, with the end of its output, if it fails. Cancelling ends its whole group.
    """
    tail: deque[str] = deque(maxlen=_KEPT_LINES)
    process = await anyio.open_process(
        command, stderr=STDOUT, stdout=PIPE, env={**os.environ, **(env or {})}, start_new_session=True
    )
    async with process:
        try:
            async for line in _lines(process):
                tail.append(line)
                on_line(line)
            await process.wait()
        except BaseException:
            await _end_group(process)
            raise
    if process.returncode != 0:
        log = "\n".join(tail)
        raise ImageBuildError(f"{command[0]} ended with status {process.returncode}:\n{log}")


async def _lines(process: Process) -> AsyncIterator[str]:
    assert process.stdout is not None
    rest = ""
    async for text in TextReceiveStream(process.stdout, errors="replace"):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield line
    if rest:
        yield rest


async def _end_group(process: Process) -> None:
    """Ask the group to end, which lets mmdebstrap unmount and clean up, then make it end."""
    with anyio.CancelScope(shield=True):
        os.killpg(process.pid, signal.SIGTERM)
        with anyio.move_on_after(_GRACE_SECONDS):
            await process.wait()
            return
        os.killpg(process.pid, signal.SIGKILL)
