"""What lies under a point of the screen, as far as its windows and its accessible objects tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandboxes.guest.protocol import Node, Point, Rect, Window


@dataclass(frozen=True, slots=True)
class Under:
    """The window on top there, None where there is none, and the objects in the order of the tree: what
    contains others comes before them."""

    window: Window | None
    nodes: tuple[Node, ...] = ()


def under(point: Point, windows: Sequence[Window], nodes: Sequence[Node]) -> Under:
    """Objects of windows that are covered there do not count; those of menus, which are in no list, do."""
    there = [window for window in windows if not window.minimized and _contains(window.frame, point)]
    top = max(there, key=lambda window: window.stack, default=None)
    covered = {window.title for window in there} - {top.title if top else ""}
    tops = _top_levels(nodes)
    hit = [
        node
        for index, node in enumerate(nodes)
        if node.rect is not None
        and "showing" in node.states
        and _contains(node.rect, point)
        and nodes[tops[index]].name not in covered
    ]
    return Under(top, tuple(hit))


def with_keyboard(windows: Sequence[Window]) -> Under:
    """Where keys go."""
    return Under(next((window for window in windows if window.focused), None))


def _top_levels(nodes: Sequence[Node]) -> list[int]:
    """For each object the index of its window, a child of its application; its own for an application."""
    tops: list[int] = []
    for index, node in enumerate(nodes):
        inside = node.parent is not None and nodes[node.parent].parent is not None
        tops.append(tops[node.parent] if inside and node.parent is not None else index)
    return tops


def _contains(rect: Rect, at: Point) -> bool:
    return rect.x <= at.x < rect.x + rect.width and rect.y <= at.y < rect.y + rect.height
