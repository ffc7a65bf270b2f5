"""Which windows are above those of an application, and may hide what it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .protocol import Window
from .rectangles import Rectangle, covers, rectangle_of


class Stacking:
    """Of the windows above those of one process, as they are now. A window is known by its title: it is also
    the name of the accessible frame.

    It remembers what it told, and can say later whether that still holds.
    """

    def __init__(self, pid: int = 0, windows: Callable[[], Sequence[Window]] = tuple) -> None:
        """`windows` gives all there are, the lowest first."""
        self._pid = pid
        self._windows = windows
        self._told: dict[tuple[str, Rectangle], bool] = {}

    def above(self, title: str) -> tuple[Rectangle, ...]:
        """The windows that may hide a part of this one; where it is not certain which it is, all above the
        lowest of the process."""
        windows = self._shown()
        lowest = self._named(windows, title) or next((one for one in windows if one.pid == self._pid), None)
        return _above(lowest, windows) if lowest is not None else ()

    def hides(self, title: str, part: Rectangle) -> bool:
        """Whether one window is before the whole of this part of another. Where it is not certain which that
        is, nothing is hidden."""
        told = self._told[title, part] = self._hides(self._shown(), title, part)
        return told

    def still_holds(self) -> bool:
        """Whether `hides` would say the same of all that it was asked."""
        windows = self._shown() if self._told else []
        return all(self._hides(windows, *asked) is told for asked, told in self._told.items())

    def _hides(self, windows: Sequence[Window], title: str, part: Rectangle) -> bool:
        own = self._named(windows, title)
        if own is None or not covers(rectangle_of(own.frame), part):
            return False
        return any(covers(frame, part) for frame in _above(own, windows))

    def _named(self, windows: Sequence[Window], title: str) -> Window | None:
        """The window of this title, where there is only one."""
        named = [window for window in windows if (window.pid, window.title) == (self._pid, title)]
        return named[0] if len(named) == 1 else None

    def _shown(self) -> list[Window]:
        return [window for window in self._windows() if not window.minimized]


def _above(lowest: Window, windows: Sequence[Window]) -> tuple[Rectangle, ...]:
    return tuple(rectangle_of(window.frame) for window in windows if window.stack > lowest.stack)
