"""The visible part of lists and tables that hold more than anybody can walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .atspi import ACCESSIBLE, COMPONENT, NULL_PATH, SCREEN_COORDINATES, TABLE
from .sheet import read_sheet

if TYPE_CHECKING:
    from .accessible import Accessible, Application

_MAX_ITEMS = 1200
_INSET = 2


async def visible_children(application: Application, node: Accessible, count: int) -> list[Accessible]:
    """The children from the one at the top left of what is on the screen to the one at the bottom right;
    at most a bounded number of them."""
    await application.read_extents(node)
    if not application.showing_only:
        application.leave_out(f"what does not show of the {count} children of {node.name!r}")
    if node.extents is None or _is_covered(application, node):
        return []
    x, y, width, height = node.extents
    first = await _index_at(application, node, x + _INSET, y + _INSET)
    last = await _index_at(application, node, x + width - 1 - _INSET, y + height - 1 - _INSET)
    if first is None:
        return []
    columns = await application.get(node.path, TABLE, "NColumns") if TABLE in node.interfaces else None
    if columns:
        return await read_sheet(application, node, first, last, columns)
    end = min(first + _MAX_ITEMS, count if last is None else last + 1)
    if last is not None and end <= last:
        application.leave_out(f"all but {_MAX_ITEMS} children that show of {node.name!r}")
    found = await application.together(
        application.ask(node.path, ACCESSIBLE, "GetChildAtIndex", "i", (index,))
        for index in range(first, end)
    )
    paths = [ref[1] for ref in found if ref and ref[1] != NULL_PATH]
    return [item for item in await application.find_alike(paths) if item is not None]


def _is_covered(application: Application, node: Accessible) -> bool:
    """Whether another window is before all of it. What is known of its cells is kept for when it shows."""
    known = application.known
    node.covered = node.extents is not None and known.stacking.hides(node.window, node.extents)
    if node.covered and node.path in known.sheets:
        application.sheets[node.path] = known.sheets[node.path]
    return node.covered


async def _index_at(application: Application, node: Accessible, x: int, y: int) -> int | None:
    place = (x - node.shift[0], y - node.shift[1], SCREEN_COORDINATES)
    found = await application.ask(node.path, COMPONENT, "GetAccessibleAtPoint", "iiu", place)
    if not found or found[1] == NULL_PATH:
        return None
    index = await application.ask(found[1], ACCESSIBLE, "GetIndexInParent")
    return index if index is not None and index >= 0 else None
