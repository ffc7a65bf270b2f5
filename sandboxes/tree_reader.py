"""Accessibility trees, checked as they come in. What has come before is not checked again."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from sandboxes.errors import ProtocolError
from sandboxes.guest.protocol import MAX_TREE_NODES, Node, TreeReply
from sandboxes.observation import UiTree
from sandboxes.wire import first_error

_MAX_FIELDS = 64
_MAX_OBJECTS = 6 * MAX_TREE_NODES
_MAX_LISTS = 500

_Nodes = tuple[Node, ...]


class TreeReader:
    """Keeps the last tree's lists, one for each application: most of them come again unchanged."""

    def __init__(self) -> None:
        self._last: dict[bytes, tuple[int, _Nodes]] = {}

    def read(self, reply: TreeReply, data: bytes) -> UiTree:
        """Raises ProtocolError where the attachment is not what the reply announces."""
        lines = data.split(b"\n", _MAX_LISTS) if data else []
        lists: dict[bytes, tuple[int, _Nodes]] = {}
        nodes: list[Node] = []
        for line in lines:
            start, known = self._last.get(line) or (0, _read_list(line))
            lists[line] = len(nodes), _shifted(known, len(nodes) - start)
            nodes += lists[line][1]
            if len(nodes) > MAX_TREE_NODES:
                raise ProtocolError(f"the tree has more than {MAX_TREE_NODES} nodes")
        self._last = lists
        if len(nodes) != reply.nodes:
            raise ProtocolError(f"the tree has {len(nodes)} nodes, its reply says {reply.nodes}")
        return UiTree(tuple(nodes), reply.cut)


def _shifted(nodes: _Nodes, by: int) -> _Nodes:
    """The nodes of an application, elsewhere in the tree: their parents are counted from its first node."""
    if by == 0:
        return nodes
    return tuple(
        node if node.parent is None else node.model_copy(update={"parent": node.parent + by})
        for node in nodes
    )


def _read_list(line: bytes) -> _Nodes:
    try:
        nodes = tuple(Node.model_validate(value) for value in _parse(line))
    except ValidationError as error:
        raise ProtocolError(f"the tree holds what is no node: {first_error(error)}") from None
    for index, node in enumerate(nodes):
        if node.parent is not None and node.parent >= index:
            raise ProtocolError(f"node {index} of the tree comes before its parent {node.parent}")
    return nodes


def _parse(line: bytes) -> list[Any]:
    """The values of a list, before any is checked. Raises ProtocolError.

    Bounded as it is read: to validate 8 MiB of empty objects at once would take pydantic gigabytes.
    """
    objects = 0

    def count(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal objects
        objects += 1
        if objects > _MAX_OBJECTS or len(pairs) > _MAX_FIELDS:
            raise ProtocolError("the tree has too many nodes, or nodes with too many fields")
        return dict(pairs)

    try:
        nodes = json.loads(line, object_pairs_hook=count)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the tree is no JSON: {error!s:.200}") from None
    if not isinstance(nodes, list) or len(nodes) > MAX_TREE_NODES:
        raise ProtocolError(f"the tree is no list of at most {MAX_TREE_NODES} nodes")
    return nodes
