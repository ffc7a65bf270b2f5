"""Accessibility trees for a page: rows, each once, in the order in which one reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from runner.actions import Action, Drag, Target
from runner.artifacts import ArtifactStore, Sha256
from runner.replay.changes import changes
from runner.replay.data import Change, NodeRow
from runner.trees import read_tree
from sandboxes.guest.protocol import Node, Point
from sandboxes.query import Query

MAX_SHOWN_TEXT = 500


class Forest:
    """The trees of a page. It only grows: what has a number keeps it."""

    def __init__(self, store: ArtifactStore) -> None:
        self.trees: list[Change] = []
        self.nodes: list[NodeRow] = []
        self._store = store
        self._numbers: dict[Sha256, int] = {}
        self._rows: dict[NodeRow, int] = {}
        self._keys: dict[str, int] = {}
        self._last: list[int] = []
        self._read: tuple[Sha256, tuple[Node, ...]] = ("", ())

    def add(self, ref: Sha256) -> int:
        """The tree's number. Raises InfraError where it is missing or damaged."""
        if ref not in self._numbers:
            nodes = self._nodes(ref)
            rows = [self._row(nodes[place], place, depth) for place, depth in in_order(nodes)]
            self.trees.append(changes(self._last, rows))
            self._numbers[ref], self._last = len(self.trees) - 1, rows
        return self._numbers[ref]

    def acted_on(self, ref: Sha256, action: Action, points: Sequence[Point]) -> int | None:
        """The row of what an action went to: the smallest object there that is what its target says."""
        target = action.end if isinstance(action, Drag) else getattr(action, "target", None)
        if not isinstance(target, Target):
            return None
        nodes = self._nodes(ref)
        at = points[-1] if points else target.at
        fitting = [
            (area, row)
            for row, (place, _) in enumerate(in_order(nodes))
            if (area := _area(nodes[place], at)) is not None and _is_meant(target, nodes[place])
        ]
        return min(fitting, key=lambda item: (item[0], -item[1]))[1] if fitting else None

    def _nodes(self, ref: Sha256) -> tuple[Node, ...]:
        """Those of the last tree asked for are kept: a step asks for its tree again with each action."""
        if self._read[0] != ref:
            self._read = ref, read_tree(self._store, ref).nodes
        return self._read[1]

    def _row(self, node: Node, place: int, depth: int) -> int:
        rect = node.rect
        row: NodeRow = (
            self._keys.setdefault(node.id or f"#{place}", len(self._keys)),
            depth,
            node.role,
            node.name,
            node.text[:MAX_SHOWN_TEXT],
            " ".join(node.states),
            (rect.x, rect.y, rect.width, rect.height) if rect else None,
            node.app,
        )
        number = self._rows.setdefault(row, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(row)
        return number


def in_order(nodes: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """Place and depth of each object, every one followed by what is in it."""
    children: dict[int | None, list[int]] = defaultdict(list)
    for place, node in enumerate(nodes):
        children[node.parent].append(place)
    open_ = [(place, 0) for place in reversed(children[None])]
    while open_:
        place, depth = open_.pop()
        yield place, depth
        open_.extend((child, depth + 1) for child in reversed(children[place]))


def _area(node: Node, at: Point | None) -> int | None:
    """How much of the screen it takes; None where it does not show, or not at that point."""
    rect = node.rect
    if rect is None or "showing" not in node.states:
        return None
    if at is not None and not (
        rect.x <= at.x < rect.x + rect.width and rect.y <= at.y < rect.y + rect.height
    ):
        return None
    return rect.width * rect.height


def _is_meant(target: Target, node: Node) -> bool:
    """A bare point may mean whatever is there."""
    if target.role is target.name is target.text is None and not target.states:
        return True
    query = Query(
        target.role, target.name, target.text, target.app, frozenset(target.states), exact=target.exact
    )
    return query.matches(node)
