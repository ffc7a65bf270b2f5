"""What programs write: read as it comes, kept or passed on up to a limit, the rest dropped."""

from __future__ import annotations

import os

import anyio

from .log import log

PIPE_BYTES = 1 << 16
_MAX_LOGGED = 1 << 18


class Output:
    """One end of a pipe that a program writes to; `kept` is the first `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._fd, self.writer = os.pipe()
        os.set_blocking(self._fd, False)
        self.kept = bytearray()
        self.truncated = False

    async def follow(self) -> None:
        """Read until the last writer has closed the pipe."""
        while True:
            await anyio.wait_readable(self._fd)
            if not self._read():
                return

    def rest(self) -> None:
        """Read what is in the pipe now; a pipe holds no more than one read takes."""
        try:
            self._read()
        except BlockingIOError:
            return  # Nothing is left.

    def close(self) -> None:
        os.close(self._fd)

    def _read(self) -> bool:
        data = os.read(self._fd, PIPE_BYTES)
        room = self._limit - len(self.kept)
        self.kept += data[:room]
        self.truncated |= len(data) > room
        return bool(data)


async def pass_on(pipe: int) -> None:
    """Copy what the session's programs write to the guest's own log, until they have had their share of it:
    the log is a file outside, which a program must not be able to fill."""
    left = _MAX_LOGGED
    while True:
        await anyio.wait_readable(pipe)
        data = os.read(pipe, PIPE_BYTES)
        if left > 0:
            os.write(2, data[:left])
            left -= len(data)
            if left <= 0:
                log("the session's programs have written too much; the rest is dropped")
