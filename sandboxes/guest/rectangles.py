"""Parts of the screen."""

from __future__ import annotations

from .protocol import Rect

Rectangle = tuple[int, int, int, int]
"""x, y, width, height."""


def rectangle_of(rect: Rect) -> Rectangle:
    return rect.x, rect.y, rect.width, rect.height


def overlap(one: Rectangle, other: Rectangle) -> bool:
    """Whether they have a pixel in common."""
    across = one[0] < other[0] + other[2] and other[0] < one[0] + one[2]
    return across and one[1] < other[1] + other[3] and other[1] < one[1] + one[3]


def covers(one: Rectangle, other: Rectangle) -> bool:
    """Whether all of the other lies in the one."""
    across = one[0] <= other[0] and other[0] + other[2] <= one[0] + one[2]
    return across and one[1] <= other[1] and other[1] + other[3] <= one[1] + one[3]
