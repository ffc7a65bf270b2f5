"""A part of the screen as it looked at one moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from .paths import FRAME_BUFFER
from .rectangles import Rectangle
from .screen import FrameBuffer

_EDGE = 2


class View:
    """Made from a rectangle; what of it is off the screen is left out."""

    def __init__(self, rectangle: Rectangle) -> None:
        self._rectangle = rectangle
        self._pixels = _frame_buffer().part(*rectangle)

    def compare(self, before: View) -> Callable[[Rectangle], bool]:
        """Tells of a part of this view, in coordinates of the screen, whether it and its edge
        looked the same before."""
        if self._rectangle != before._rectangle:
            return lambda _: False
        differs = self._pixels != before._pixels
        left, top = max(self._rectangle[0], 0), max(self._rectangle[1], 0)

        def same(part: Rectangle) -> bool:
            x, y, width, height = part
            rows = slice(max(y - top - _EDGE, 0), max(y - top + height + _EDGE, 0))
            columns = slice(max(x - left - _EDGE, 0), max(x - left + width + _EDGE, 0))
            return not differs[rows, columns].any()

        return same


@cache
def _frame_buffer() -> FrameBuffer:
    return FrameBuffer(FRAME_BUFFER)
