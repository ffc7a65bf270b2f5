"""Accessible objects as the protocol's nodes, in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .accessible import MAX_TEXT, Accessible
from .atspi import ROOT_PATH, role_name, state_names

_MAX_NAME = 1000
_MAX_ID = 200
_MAX_ADDRESS = 4000
_COMMON_PATH = ROOT_PATH.removesuffix("root")


def encode_nodes(root: Accessible, owner: str, app: str) -> list[bytes]:
    """An application's nodes, depth-first, every parent before its children, counted from 0."""
    return [
        json.dumps(_node(accessible, parent, owner, app), ensure_ascii=False).encode(errors="replace")
        for accessible, parent in _in_order(root)
    ]


def _in_order(root: Accessible) -> Iterator[tuple[Accessible, int | None]]:
    waiting: list[tuple[Accessible, int | None]] = [(root, None)]
    count = 0
    while waiting:
        accessible, parent = waiting.pop()
        if not accessible.hidden:
            waiting.extend((child, count) for child in reversed(accessible.children))
            count += 1
            yield accessible, parent


def _node(accessible: Accessible, parent: int | None, owner: str, app: str) -> dict[str, Any]:
    x, y, width, height = accessible.extents or (0, 0, 0, 0)
    fields = {
        "id": _identity(owner, accessible.identity or accessible.path),
        "role": role_name(accessible.role),
        "name": accessible.name.strip()[:_MAX_NAME],
        "text": accessible.text[:MAX_TEXT],
        "states": [*state_names(accessible.states), *["covered"] * accessible.covered],
        "rect": {"x": x, "y": y, "width": width, "height": height} if accessible.extents else None,
        "parent": parent,
        "app": app,
        "address": accessible.address[:_MAX_ADDRESS],
        "range": accessible.range,
        "actions": accessible.actions,
        "attributes": accessible.attributes,
    }
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [])}


def _identity(owner: str, path: str) -> str:
    """No two applications, and no two objects of one, ever share it as long as the desktop lives."""
    return f"{owner.removeprefix(':')}/{path.removeprefix(_COMMON_PATH)}"[:_MAX_ID]
