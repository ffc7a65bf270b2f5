"""Frames: how bytes travel between a controller and a guest.

A frame is an 8-byte prefix (two unsigned big-endian 32-bit lengths), a JSON header and a binary
attachment. Both lengths are checked against their limits before anything is allocated, so a peer
that lies about sizes costs its own connection and nothing else.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from anyio import EndOfStream, fail_after
from anyio.abc import ByteStream

MAX_HEADER_BYTES = 1 << 20
MAX_ATTACHMENT_BYTES = 144 << 20
_PREFIX = struct.Struct(">II")
_READ_BYTES = 1 << 18
_SENT_APART = 1 << 16


class FrameError(Exception):
    """The peer sent something that is not a frame, or closed in the middle of one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: a JSON header, not yet validated, and its attachment."""

    header: bytes
    attachment: bytes = b""


def encode(frame: Frame) -> bytes:
    """A frame as it travels. Raises FrameError where it is over a limit."""
    return _start(frame) + frame.attachment


def _start(frame: Frame) -> bytes:
    _check_lengths(len(frame.header), len(frame.attachment))
    return _PREFIX.pack(len(frame.header), len(frame.attachment)) + frame.header


def take_frame(pending: bytearray) -> Frame | None:
    """Remove the first frame from what has arrived; None until it is whole. Raises FrameError."""
    if len(pending) < _PREFIX.size:
        return None
    header_bytes, attachment_bytes = _PREFIX.unpack_from(pending)
    _check_lengths(header_bytes, attachment_bytes)
    header_end = _PREFIX.size + header_bytes
    frame_end = header_end + attachment_bytes
    if len(pending) < frame_end:
        return None
    with memoryview(pending) as view:  # One copy of what may be a whole screen, not two.
        frame = Frame(bytes(view[_PREFIX.size : header_end]), bytes(view[header_end:frame_end]))
    del pending[:frame_end]
    return frame


async def send_frame(stream: ByteStream, frame: Frame) -> None:
    """Write one frame. Raises FrameError where it is over a limit."""
    if len(frame.attachment) < _SENT_APART:
        await stream.send(encode(frame))
        return
    await stream.send(_start(frame))
    await stream.send(frame.attachment)


class FrameReader:
    """Reads whole frames from a stream that delivers bytes in pieces of any size.

    Once its first byte is there, a frame has `frame_timeout` seconds to arrive whole.
    """

    def __init__(self, stream: ByteStream, frame_timeout: float = math.inf) -> None:
        self._stream = stream
        self._frame_timeout = frame_timeout
        self._pending = bytearray()

    async def read(self) -> Frame:
        """The next frame. Raises EndOfStream between frames, FrameError inside one."""
        if not self._pending:
            self._pending += await self._stream.receive(_READ_BYTES)
        try:
            with fail_after(self._frame_timeout):
                return await self._rest_of_frame()
        except TimeoutError:
            raise FrameError(f"a frame took longer than {self._frame_timeout:g} s") from None

    async def _rest_of_frame(self) -> Frame:
        while (frame := take_frame(self._pending)) is None:
            try:
                self._pending += await self._stream.receive(_READ_BYTES)
            except EndOfStream:
                raise FrameError("the stream ended inside a frame") from None
        return frame


def _check_lengths(header_bytes: int, attachment_bytes: int) -> None:
    if header_bytes > MAX_HEADER_BYTES or attachment_bytes > MAX_ATTACHMENT_BYTES:
        raise FrameError(
            f"frame of {header_bytes} + {attachment_bytes} bytes is over the limit of "
            f"{MAX_HEADER_BYTES} + {MAX_ATTACHMENT_BYTES}"
        )
