"""Whose windows something was painted in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .paint import PaintWatch
from .protocol import Rect, Window
from .quiet import Rectangle
from .windows import Windows

_MAX_RECTANGLES = 2000


class Painters:
    """Attributes what is painted to the topmost window there, and so to a program."""

    def __init__(self, paint: PaintWatch, windows: Windows) -> None:
        self._paint = paint
        self._windows = windows
        self._before: tuple[Window, ...] = ()
        self._painted: set[Rectangle] = set()
        paint.listen(self._note)

    def since_last(self) -> frozenset[int] | None:
        """The process ids of all that may have painted since this was asked last; None where it may have
        been anybody."""
        with self._paint.still():
            painted, self._painted = self._painted, set()
        if not painted:
            return frozenset()
        before, self._before = self._before, self._windows.all()
        if len(painted) > _MAX_RECTANGLES:
            return None
        pids = _owners(painted, before) | _owners(painted, self._before)
        return None if None in pids else frozenset(pid for pid in pids if pid is not None)

    def covering(self, pid: int) -> tuple[Rectangle, ...]:
        """The windows that may hide what this process changes in its own."""
        windows = [window for window in self._before if not window.minimized]
        lowest = next((index for index, window in enumerate(windows) if window.pid == pid), len(windows))
        frames = (window.frame for window in windows[lowest + 1 :])
        return tuple((frame.x, frame.y, frame.width, frame.height) for frame in frames)

    def _note(self, painted: set[Rectangle]) -> None:
        if len(self._painted) <= _MAX_RECTANGLES:
            self._painted |= painted


def _owners(painted: Iterable[Rectangle], windows: Sequence[Window]) -> set[int | None]:
    owners: set[int | None] = set()
    for rectangle in painted:
        for window in reversed(windows):
            if not window.minimized and _overlap(rectangle, window.frame):
                owners.add(window.pid)
                if _covers(window.frame, rectangle):
                    break
    return owners


def _overlap(rectangle: Rectangle, frame: Rect) -> bool:
    x, y, width, height = rectangle
    across = x < frame.x + frame.width and frame.x < x + width
    return across and y < frame.y + frame.height and frame.y < y + height


def _covers(frame: Rect, rectangle: Rectangle) -> bool:
    x, y, width, height = rectangle
    across = frame.x <= x and x + width <= frame.x + frame.width
    return across and frame.y <= y and y + height <= frame.y + frame.height
