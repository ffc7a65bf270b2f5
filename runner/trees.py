"""Trees in the store: a line of JSON for each node, kept as differences from the tree before.

A node names its parent by the parent's id, not by its place in the list: so a line stays the same when
nodes come and go around it, and a difference holds only what has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import ValidationError

from runner.artifacts import ArtifactStore, Batch, Series, Sha256
from sandboxes.errors import InfraError
from sandboxes.guest.protocol import Node
from sandboxes.observation import UiTree


class TreeSeries:
    """The trees of one attempt."""

    def __init__(self) -> None:
        self._trees = Series()

    def put(self, batch: Batch, tree: UiTree) -> Sha256:
        return self._trees.put(batch, encode_tree(tree))


def read_tree(store: ArtifactStore, ref: Sha256) -> UiTree:
    """Raises InfraError for one that is missing or damaged."""
    try:
        return decode_tree(store.get(ref))
    except (ValueError, ValidationError, TypeError, KeyError) as error:
        raise InfraError(f"object {ref} is no tree: {error}") from error


def encode_tree(tree: UiTree) -> bytes:
    """The first line is what was cut; then `PARENT<tab>NODE` for each node."""
    return "\n".join([*_lines(tree), ""]).encode()


def _lines(tree: UiTree) -> Iterator[str]:
    yield json.dumps(tree.cut, sort_keys=True)
    places: dict[str, int] = {}
    for index, node in enumerate(tree.nodes):
        parent: int | str | None = node.parent
        # A desktop is free to give several nodes the same id, or none: then the place has to do.
        if node.parent is not None and places.get(tree.nodes[node.parent].id) == node.parent:
            parent = tree.nodes[node.parent].id
        places[node.id] = index
        yield f"{json.dumps(parent)}\t{node.model_dump_json(exclude={'parent'}, exclude_defaults=True)}"


def decode_tree(data: bytes) -> UiTree:
    """Raises ValueError, KeyError or TypeError for what `encode_tree` did not make."""
    cut, *lines, _ = data.decode().split("\n")
    places: dict[str, int] = {}
    nodes = []
    for index, line in enumerate(lines):
        named, _, content = line.partition("\t{")
        parent = json.loads(named)
        place = places[parent] if isinstance(parent, str) else parent
        nodes.append(Node.model_validate_json(f'{{"parent":{json.dumps(place)},{content}'))
        places[nodes[-1].id] = index
    return UiTree(tuple(nodes), json.loads(cut))
