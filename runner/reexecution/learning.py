"""Regions that change with nothing done, as clocks and carets: learnt by watching, never guessed."""

from __future__ import annotations

from runner.reexecution.pixels import differing, rectangles, visibly
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Rect

# What changes on its own is small; a window that opens is not.
_MOST_OF_THE_SCREEN = 0.01


class Learning:
    """`regions` are those seen to change twice, each time with nothing done."""

    def __init__(self) -> None:
        self.regions: list[Rect] = []
        self._once: list[Rect] = []

    def watch(self, before: Frame, after: Frame) -> None:
        """Take in two looks between which nothing was done and the tree stayed what it was."""
        if before.pixels.shape != after.pixels.shape:
            return
        for rect in rectangles(visibly(differing(before, after), before, after)):
            if rect.width * rect.height <= _MOST_OF_THE_SCREEN * before.pixels.size:
                self._changed(rect)

    def _changed(self, rect: Rect) -> None:
        if any(_contains(region, rect) for region in self.regions):
            return
        again = next((other for other in self._once if _overlap(other, rect)), None)
        if again is None:
            self._once.append(rect)
        else:
            self.regions.append(_union(again, rect))


def _contains(outer: Rect, inner: Rect) -> bool:
    return _union(outer, inner) == outer


def _overlap(one: Rect, other: Rect) -> bool:
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return across > 0 and down > 0


def _union(one: Rect, other: Rect) -> Rect:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Rect(x=x, y=y, width=right - x, height=bottom - y)
