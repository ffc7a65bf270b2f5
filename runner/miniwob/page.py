"""A MiniWoB++ page as its accessible objects tell it. Imports nothing but the standard library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Action = dict[str, Any]

FIELDS = frozenset(("entry", "password text"))
_QUERY_HEIGHT = 50  # of the area at a page's top that says what is asked


class Node(NamedTuple):
    """An object that shows, with its middle."""

    role: str
    name: str
    text: str
    x: int
    y: int
    width: int
    height: int


class NotFound(Exception):
    """The page has no such thing."""


class Page:
    """What is below the question, in the order of the page."""

    def __init__(self, tree: list[dict[str, Any]]) -> None:
        self.nodes = list(_nodes(tree))

    def all(self, *roles: str) -> list[Node]:
        return [node for node in self.nodes if node.role in roles]

    def words(self) -> list[Node]:
        """The texts on the page."""
        return [node for node in self.all("static") if node.name.strip()]

    @property
    def fields(self) -> list[Node]:
        return [node for node in self.nodes if node.role in FIELDS]

    def named(self, name: str, *roles: str) -> Node:
        """The first of that name, without case or what surrounds it. Raises NotFound."""
        wanted = _bare(name)
        return self.first(lambda node: _bare(node.name) == wanted, *roles)

    def first(self, fits: Callable[[Node], bool], *roles: str) -> Node:
        for node in self.all(*roles) if roles else self.nodes:
            if fits(node):
                return node
        raise NotFound

    def nth(self, ordinal: str, *roles: str) -> Node:
        """Of `2nd`. Raises NotFound."""
        found, index = self.all(*roles), int(ordinal.rstrip("stndrh")) - 1
        if not 0 <= index < len(found):
            raise NotFound
        return found[index]

    def submit(self) -> Action:
        return click(self.named("submit", "push button"))


def click(node: Node) -> Action:
    return {"do": "click", "target": {"at": {"x": node.x, "y": node.y}}}


def fill(node: Node, text: str) -> Action:
    return {"do": "fill", "target": {"at": {"x": node.x, "y": node.y}}, "text": text}


def press(keys: str, count: int = 1) -> Action:
    return {"do": "press", "keys": keys, "count": count}


def write(text: str) -> Action:
    return {"do": "type", "text": text}


def _nodes(tree: list[dict[str, Any]]) -> Iterator[Node]:
    top = None
    for node in tree:
        rect = node.get("rect")
        if rect is None:
            continue
        if node["role"] == "document web":
            top = rect["y"] + _QUERY_HEIGHT
        elif top is not None and rect["y"] >= top:
            x, y = rect["x"] + rect["width"] // 2, rect["y"] + rect["height"] // 2
            name, text = node.get("name", ""), node.get("text", "")
            yield Node(node["role"], name, text, x, y, rect["width"], rect["height"])


def _bare(text: str) -> str:
    return text.strip(" .\u00a0").casefold()
