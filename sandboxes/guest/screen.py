"""Frames, from the frame buffer that the X server keeps in a mapped file; each sent as what is new in it."""

from __future__ import annotations

import itertools
import mmap
import struct
from pathlib import Path

import numpy as np

from .paint import Moment, PaintWatch
from .paths import FRAME_BUFFER
from .protocol import Point, ScreenshotReply
from .runs import to_runs
from .tiles import Pixels, changed_tiles, pack, tile_count

_HEADER = struct.Struct(">25I")
_COLOR_BYTES = 12
_COLORS = np.uint32(0xFFFFFF)


class FrameBuffer:
    """The XWD file of Xvfb: a header, a colour map, and rows of BGRX pixels with the cursor drawn in."""

    def __init__(self, path: str) -> None:
        with Path(path).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = _HEADER.unpack_from(mapped)
        width, height, row_words = header[4], header[5], header[12] // 4
        start = header[0] + header[19] * _COLOR_BYTES
        rows = np.frombuffer(mapped, np.dtype("<u4"), height * row_words, start).reshape(height, row_words)
        self._pixels = rows[:, :width]

    def empty(self) -> Pixels:
        """Room for a copy."""
        return np.zeros(self._pixels.shape, np.uint32)

    def part(self, x: int, y: int, width: int, height: int) -> Pixels:
        """A copy of what of this rectangle is on the screen."""
        rows = slice(max(y, 0), max(y + height, 0))
        return self._pixels[rows, max(x, 0) : max(x + width, 0)] & _COLORS

    def copy_to(self, pixels: Pixels) -> None:
        """Copy the screen; takes about a millisecond."""
        np.bitwise_and(self._pixels, _COLORS, out=pixels)


class Camera:
    """Keeps the frame it sent last: who holds it too is sent only what has changed since.

    Every frame has a serial number that no other frame of this desktop ever has.
    """

    def __init__(self, paint: PaintWatch) -> None:
        self._paint = paint
        self._frame_buffer = FrameBuffer(FRAME_BUFFER)
        self._last, self._next = self._frame_buffer.empty(), self._frame_buffer.empty()
        self._serials = itertools.count(1)
        self._serial = 0
        self._taken_at: Moment | None = None

    def take(self, have: int | None) -> tuple[ScreenshotReply, bytes]:
        """What the screen shows, with the cursor in it, for who holds the frame of this serial number.

        A screen on which nothing has happened is known without a look at its pixels.
        """
        before = self._serial
        with self._paint.still() as moment:
            unseen = moment != self._taken_at
            if unseen:
                self._frame_buffer.copy_to(self._next)
        changed = self._keep_next() if unseen else []
        self._taken_at = moment
        if have == before and len(changed) <= self._few():
            return self._reply(moment, pack(self._last, changed), tuple(changed))
        return self._reply(moment, self._last.ravel(), None)

    def _reply(
        self, moment: Moment, pixels: Pixels, tiles: tuple[int, ...] | None
    ) -> tuple[ScreenshotReply, bytes]:
        x, y = moment.pointer
        runs = to_runs(pixels)
        reply = ScreenshotReply(
            serial=self._serial, tiles=tiles, runs=runs is not None, cursor=Point(x=x, y=y)
        )
        return reply, pixels.tobytes() if runs is None else runs

    def _keep_next(self) -> list[int]:
        """The tiles in which the frame just read differs from the last, whose place it takes."""
        changed = changed_tiles(self._next, self._last)
        if changed or not self._serial:
            self._last, self._next = self._next, self._last
            self._serial = next(self._serials)
        return changed

    def _few(self) -> int:
        """How many tiles cost less than a whole frame."""
        height, width = self._last.shape
        return tile_count(width, height) // 2
