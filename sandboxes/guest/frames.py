"""Frames: how bytes travel between a controller and a guest.

A frame is an 8-byte prefix (two unsigned big-endian 32-bit lengths), a JSON header and a binary
attachment. Both lengths are checked against their limits before anything is allocated, so a peer
that lies about sizes costs its own connection and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from anyio import EndOfStream
from anyio.abc import ByteStream

MAX_HEADER_BYTES = 1 << 20
MAX_ATTACHMENT_BYTES = 64 << 20
_PREFIX = struct.Struct(">II")
_READ_BYTES = 1 << 18


class FrameError(Exception):
    """The peer sent something that is not a frame, or closed in the middle of one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: a JSON header, not yet validated, and its attachment."""

    header: bytes
    attachment: bytes = b""


async def send_frame(stream: ByteStream, frame: Frame) -> None:
    """Write one frame. Raises FrameError where it is over a limit."""
    _check_lengths(len(frame.header), len(frame.attachment))
    await stream.send(_PREFIX.pack(len(frame.header), len(frame.attachment)) + frame.header)
    if frame.attachment:
        await stream.send(frame.attachment)


class FrameReader:
    """Reads whole frames from a stream that delivers bytes in pieces of any size."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._pending = bytearray()

    async def read(self) -> Frame:
        """The next frame. Raises EndOfStream between frames, FrameError inside one."""
        if not self._pending:
            self._pending += await self._stream.receive(_READ_BYTES)
        header_bytes, attachment_bytes = _PREFIX.unpack(await self._take(_PREFIX.size))
        _check_lengths(header_bytes, attachment_bytes)
        return Frame(await self._take(header_bytes), await self._take(attachment_bytes))

    async def _take(self, count: int) -> bytes:
        while len(self._pending) < count:
            try:
                self._pending += await self._stream.receive(_READ_BYTES)
            except EndOfStream:
                raise FrameError("the stream ended inside a frame") from None
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


def _check_lengths(header_bytes: int, attachment_bytes: int) -> None:
    if header_bytes > MAX_HEADER_BYTES or attachment_bytes > MAX_ATTACHMENT_BYTES:
        raise FrameError(
            f"frame of {header_bytes} + {attachment_bytes} bytes is over the limit of "
            f"{MAX_HEADER_BYTES} + {MAX_ATTACHMENT_BYTES}"
        )
