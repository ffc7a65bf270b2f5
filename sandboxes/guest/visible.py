"""The visible part of lists and tables that hold more than anybody can walk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .atspi import ACCESSIBLE, COMPONENT, NULL_PATH, SCREEN_COORDINATES, TABLE

if TYPE_CHECKING:
    from .accessible import Accessible, Application

_MAX_ITEMS = 1200
_INSET = 2


async def visible_children(application: Application, node: Accessible, count: int) -> list[Accessible]:
    """The children from the one at the top left of what is on the screen to the one at the bottom right;
    at most a bounded number of them."""
    await application.read_extents(node)
    if node.extents is None:
        return []
    x, y, width, height = node.extents
    first = await _index_at(application, node, x + _INSET, y + _INSET)
    last = await _index_at(application, node, x + width - 1 - _INSET, y + height - 1 - _INSET)
    if first is None:
        return []
    columns = await application.get(node.path, TABLE, "NColumns") if TABLE in node.interfaces else None
    if columns:
        places = _block(first, last, columns)
        cells = await _at(application, node, TABLE, "GetAccessibleAt", "ii", places)
        if len(cells) == len(places):
            for cell, (row, column) in zip(cells, places, strict=True):
                cell.identity = f"{node.path}:{row},{column}"
            await _read_places(application, cells, width=places[-1][1] - places[0][1] + 1)
        return cells
    end = min(first + _MAX_ITEMS, count if last is None else last + 1)
    indexes = [(index,) for index in range(first, end)]
    return await _at(application, node, ACCESSIBLE, "GetChildAtIndex", "i", indexes)


def _block(first: int, last: int | None, columns: int) -> list[tuple[int, int]]:
    """The cells of the block between two cells; without the last one, as many rows as may be."""
    top, left = divmod(first, columns)
    bottom, right = divmod(last, columns) if last is not None else (top + _MAX_ITEMS, columns - 1)
    width = min(max(1, right - left + 1), _MAX_ITEMS)
    height = min(max(1, bottom - top + 1), _MAX_ITEMS // width)
    return [(row, column) for row in range(top, top + height) for column in range(left, left + width)]


async def _at(
    application: Application,
    node: Accessible,
    interface: str,
    member: str,
    signature: str,
    places: Sequence[tuple[int, ...]],
) -> list[Accessible]:
    found = await application.together(
        application.ask(node.path, interface, member, signature, place) for place in places
    )
    return await application.find_alike([ref[1] for ref in found if ref and ref[1] != NULL_PATH])


async def _index_at(application: Application, node: Accessible, x: int, y: int) -> int | None:
    found = await application.ask(
        node.path, COMPONENT, "GetAccessibleAtPoint", "iiu", (x, y, SCREEN_COORDINATES)
    )
    if not found or found[1] == NULL_PATH:
        return None
    index = await application.ask(found[1], ACCESSIBLE, "GetIndexInParent")
    return index if index is not None and index >= 0 else None


async def _read_places(application: Application, cells: list[Accessible], width: int) -> None:
    """Where the cells of a whole block are follows from its top row and its left column."""
    top, left = cells[:width], cells[::width]
    await application.together(application.read_extents(cell) for cell in {*top, *left})
    for index, cell in enumerate(cells):
        column, row = top[index % width].extents, left[index // width].extents
        if column and row:
            cell.extents = (column[0], row[1], column[2], row[3])
