"""Whose windows something was painted in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .paint import PaintWatch
from .protocol import Window
from .rectangles import Rectangle, covers, overlap, rectangle_of
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

    def _note(self, painted: set[Rectangle]) -> None:
        if len(self._painted) <= _MAX_RECTANGLES:
            self._painted |= painted


def _owners(painted: Iterable[Rectangle], windows: Sequence[Window]) -> set[int | None]:
    owners: set[int | None] = set()
    shown = [(one.pid, rectangle_of(one.frame)) for one in reversed(windows) if not one.minimized]
    for rectangle in painted:
        for pid, frame in shown:
            if overlap(rectangle, frame):
                owners.add(pid)
                if covers(frame, rectangle):
                    break
    return owners
