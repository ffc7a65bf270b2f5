"""Finding accessible objects in a tree by what they are."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sandboxes.errors import InputError
from sandboxes.guest.protocol import Node, Rect
from sandboxes.spec import Screen

MAX_NEAR = 6
_SHOWN_CHARACTERS = 60


class Match(NamedTuple):
    """An object found, and the part of it that is on the screen."""

    node: Node
    part: Rect

    @property
    def enabled(self) -> bool:
        """Toolkits say so in one of two ways; a button that is neither ignores clicks."""
        return not {"enabled", "sensitive"}.isdisjoint(self.node.states)


@dataclass(frozen=True, slots=True)
class Query:
    """What an object must be. What is None or empty does not count; at least one thing must be given.

    Strings match whole after trimming, `…` like `...`; with `exact` false `name` and `text` match as a
    part, without case. `app` never minds case.
    """

    role: str | None = None
    name: str | None = None
    text: str | None = None
    app: str | None = None
    states: frozenset[str] = frozenset()
    exact: bool = True

    def __post_init__(self) -> None:
        if self.role is None and self.name is None and self.text is None and not self.states:
            raise InputError("locator: give a role, a name, a text or states to look for")

    def __str__(self) -> str:
        parts = [f'"{self.role}"' if self.role else "object"]
        parts += [f"named {_shown(self.name)}"] if self.name is not None else []
        parts += [f"with text {_shown(self.text)}"] if self.text is not None else []
        parts += [f"in {_shown(self.app)}"] if self.app is not None else []
        parts += [f"that is {', '.join(sorted(self.states))}"] if self.states else []
        return " ".join(parts)

    def matches(self, node: Node) -> bool:
        return (
            self.role in (None, node.role)
            and self._fits(self.name, node.name)
            and self._fits(self.text, node.text)
            and (self.app is None or _normal(self.app).casefold() == _normal(node.app).casefold())
            and self.states.issubset(node.states)
        )

    def find(self, nodes: Sequence[Node], screen: Screen) -> list[Match]:
        """All visible matches, in the order of the tree."""
        return [
            Match(node, part)
            for node in nodes
            if self.matches(node)
            and (part := visible_part(node, screen)) is not None
            and not _is_phantom(nodes, node, screen)
        ]

    def choose(self, nodes: Sequence[Node], screen: Screen) -> list[Match]:
        """Of several visible matches those in the window that has the focus, where some are; else all."""
        found = self.find(nodes, screen)
        if len(found) < 2:
            return found
        return [match for match in found if in_active_window(nodes, match.node)] or found

    def near(self, nodes: Sequence[Node]) -> list[str]:
        """What is there instead: objects of this role, and of names like this one; the likeliest first."""
        wanted = _normal(self.name or self.text or "").casefold()

        def likeness(node: Node) -> float:
            name = _normal(node.name or node.text).casefold()[:_SHOWN_CHARACTERS]
            return _likeness(wanted, name) + (0.5 if node.role == self.role else 0.0)

        ranked = sorted({describe(node): likeness(node) for node in nodes}.items(), key=lambda item: -item[1])
        return [shown for shown, like in ranked if like >= 0.5][:MAX_NEAR]

    def _fits(self, wanted: str | None, actual: str) -> bool:
        if wanted is None:
            return True
        if self.exact:
            return _normal(wanted) == _normal(actual)
        return _normal(wanted).casefold() in _normal(actual).casefold()


def describe(node: Node) -> str:
    """An object as an error message shows it."""
    return f'"{node.role}" {_shown(node.name or node.text)}'


def visible_part(node: Node, screen: Screen) -> Rect | None:
    """The part of a showing object that lies on the screen; None where there is none."""
    if node.rect is None or "showing" not in node.states:
        return None
    left, top = max(node.rect.x, 0), max(node.rect.y, 0)
    right = min(node.rect.x + node.rect.width, screen.width)
    bottom = min(node.rect.y + node.rect.height, screen.height)
    if right <= left or bottom <= top:
        return None
    return Rect(x=left, y=top, width=right - left, height=bottom - top)


def in_active_window(nodes: Sequence[Node], node: Node) -> bool:
    """Whether the object's window, a child of its application, has the focus."""
    window = node
    while node.parent is not None:
        window, node = node, nodes[node.parent]
    return "active" in window.states


def _is_phantom(nodes: Sequence[Node], node: Node, screen: Screen) -> bool:
    """LibreOffice publishes, beside the menu bar one sees, another that has no place on the screen."""
    if node.parent is None or nodes[node.parent].role != "menu bar":
        return False
    return visible_part(nodes[node.parent], screen) is None


def _likeness(wanted: str, name: str) -> float:
    if not wanted or not name:
        return 0.0
    return 1.0 if wanted in name else difflib.SequenceMatcher(None, wanted, name).ratio()


def _normal(text: str) -> str:
    return " ".join(text.split()).replace("…", "...")


def _shown(text: str) -> str:
    short = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return '"' + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short) + '"'
