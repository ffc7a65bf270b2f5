"""Screenshots, from the frame buffer that the X server keeps in a mapped file."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from anyio import to_thread
from PIL import Image

from .display import Display
from .failures import RequestFailed
from .paint import PaintWatch
from .paths import FRAME_BUFFER
from .protocol import Point, Rect, Screenshot, ScreenshotReply

_HEADER = struct.Struct(">25I")
_COLOR_BYTES = 12
_COMPRESS_LEVEL = 1


class FrameBuffer:
    """The XWD file of Xvfb: a header, a colour map, and rows of BGRX pixels with the cursor drawn in."""

    def __init__(self, path: str) -> None:
        with Path(path).open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = _HEADER.unpack_from(self._map)
        self.width, self.height, self._row_bytes = header[4], header[5], header[12]
        self._start = header[0] + header[19] * _COLOR_BYTES

    def rows(self, region: Rect) -> bytes:
        """A copy of the rows of a region that lies on the screen."""
        first = self._start + region.y * self._row_bytes
        return self._map[first : first + region.height * self._row_bytes]

    def encode(self, rows: bytes, region: Rect) -> bytes:
        """The PNG of the region these rows were copied for. Takes some 50 ms for a whole screen."""
        size = (self.width, region.height)
        image = Image.frombytes("RGB", size, rows, "raw", "BGRX", self._row_bytes, 1)
        if region.width != self.width:
            image = image.crop((region.x, 0, region.x + region.width, region.height))
        encoded = BytesIO()
        image.save(encoded, "PNG", compress_level=_COMPRESS_LEVEL)
        return encoded.getvalue()


@dataclass(frozen=True, slots=True)
class _Taken:
    png: bytes
    region: Rect
    cursor: tuple[int, int]
    paints: int


class Camera:
    """Takes screenshots; one of an unchanged screen costs nothing."""

    def __init__(self, display: Display, paint: PaintWatch) -> None:
        self._display = display
        self._paint = paint
        self._frame_buffer = FrameBuffer(FRAME_BUFFER)
        self._last: _Taken | None = None

    async def screenshot(self, args: Screenshot, _: bytes) -> tuple[ScreenshotReply, bytes]:
        """A PNG with the cursor in it. Fails where the region is not on the screen."""
        region = self._region(args.region)
        self._display.sync()
        cursor, paints = self._display.pointer(), self._paint.count_paints()
        last = self._last
        if last is None or (last.region, last.cursor, last.paints) != (region, cursor, paints):
            rows = self._frame_buffer.rows(region)
            png = await to_thread.run_sync(self._frame_buffer.encode, rows, region)
            last = self._last = _Taken(png, region, cursor, paints)
        reply = ScreenshotReply(
            width=region.width, height=region.height, cursor=Point(x=cursor[0], y=cursor[1])
        )
        return reply, last.png

    def _region(self, wanted: Rect | None) -> Rect:
        width, height = self._display.width, self._display.height
        if wanted is None:
            return Rect(x=0, y=0, width=width, height=height)
        inside = 0 <= wanted.x < wanted.x + wanted.width <= width
        if not (inside and 0 <= wanted.y < wanted.y + wanted.height <= height):
            raise RequestFailed("bad_request", f"region: {wanted!r} is not on the {width}x{height} screen")
        return wanted
