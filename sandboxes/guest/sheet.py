"""The cells of a sheet that are on the screen: read as a block, and again only where they look different."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .atspi import ACCESSIBLE, NULL_PATH, OF_ONE, TABLE
from .rectangles import Rectangle, overlap
from .stacking import Stacking

if TYPE_CHECKING:
    from .accessible import Accessible, Application
    from .view import View

MAX_CELLS = 1500
_FEW = 100
_LETTERS = 26

Place = tuple[int, int]
"""Row and column, from 0."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read of one sheet, and what it looked like just before, with the windows `above` it. A cell
    that could not be read is None."""

    cells: dict[Place, Accessible | None]
    view: View
    above: tuple[Rectangle, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of an application's sheets before, and what may hide a part of them now."""

    sheets: Mapping[str, Sheet] = field(default_factory=dict)
    stacking: Stacking = field(default_factory=Stacking)


async def read_sheet(
    application: Application, node: Accessible, first: int, last: int | None, columns: int
) -> list[Accessible]:
    """The cells from one to another, at most MAX_CELLS of them. What looks as it did when it was read last is
    not asked again, unless it may be hidden; what details tell is not seen."""
    from .view import View  # Only here: a desktop need not wait for numpy to stand.

    places, view = _block(first, last, columns), View(node.extents or (0, 0, 0, 0))
    if last is not None and (last // columns, last % columns) != places[-1]:
        application.leave_out(f"all but {len(places)} cells that show of the table {node.name!r}")
    above = application.known.stacking.above(node.window)
    before = None if application.details else application.known.sheets.get(node.path)
    cells = _unchanged(before, places, view, above)
    missing = [place for place in places if place not in cells]
    if len(missing) <= _FEW:
        found = await application.together(_read_cell(application, node, place) for place in missing)
        cells |= dict(zip(missing, found, strict=True))
    else:
        cells = await _read_block(application, node, places)
    application.sheets[node.path] = Sheet(cells, view, above)
    return [cell for place in places if (cell := cells[place]) is not None]


def _block(first: int, last: int | None, columns: int) -> list[Place]:
    """The places of the block between two cells; without the last one, as many rows as may be."""
    top, left = divmod(first, columns)
    bottom, right = divmod(last, columns) if last is not None else (top + MAX_CELLS, columns - 1)
    width = min(max(1, right - left + 1), MAX_CELLS)
    height = min(max(1, bottom - top + 1), MAX_CELLS // width)
    return [(row, column) for row in range(top, top + height) for column in range(left, left + width)]


def _unchanged(
    before: Sheet | None, places: Sequence[Place], view: View, above: tuple[Rectangle, ...]
) -> dict[Place, Accessible | None]:
    """The cells that need not be read again. One with the cursor must be: while it is edited it looks as it
    will be, but is not."""
    if before is None or before.cells.keys() != set(places):
        return {}
    same = view.compare(before.view)
    hiding = {*before.above, *above}
    return {
        place: cell
        for place, cell in before.cells.items()
        if cell is not None
        and cell.extents is not None
        and not cell.states & OF_ONE
        and same(cell.extents)
        and not any(overlap(cell.extents, window) for window in hiding)
    }


async def _read_cell(application: Application, node: Accessible, place: Place) -> Accessible | None:
    """One cell by itself, with all that is asked of any object."""
    path = await _path_at(application, node, place)
    [cell] = await application.find([path]) if path else [None]
    if cell is not None:
        _put(cell, node, place)
        await application.read_extents(cell)
    return cell


async def _read_block(
    application: Application, node: Accessible, places: Sequence[Place]
) -> dict[Place, Accessible | None]:
    """All cells. Where one is follows from the first row and the first column."""
    paths = await application.together(_path_at(application, node, place) for place in places)
    there = {place: path for place, path in zip(places, paths, strict=True) if path}
    alike = await application.find_alike(list(there.values()), await _names(application, there))
    cells = dict.fromkeys(places) | dict(zip(there, alike, strict=True))
    for place, cell in cells.items():
        if cell is not None:
            _put(cell, node, place)
    await _find_extents(application, cells, places[0])
    await application.together(application.read_states(cell) for cell in cells.values() if cell)
    return cells


async def _path_at(application: Application, node: Accessible, place: Place) -> str | None:
    found = await application.ask(node.path, TABLE, "GetAccessibleAt", "ii", place)
    return found[1] if found and found[1] != NULL_PATH else None


async def _names(application: Application, paths: dict[Place, str]) -> list[str | None] | None:
    """What the cells are called where that follows from their places, as `B3` does; else None."""
    names: list[str | None] = [_name(place) for place in paths]
    ends = list(paths.values())[:: max(1, len(paths) - 1)]
    said = await application.together(application.get(path, ACCESSIBLE, "Name") for path in ends)
    return names if said == names[:: max(1, len(paths) - 1)] else None


def _name(place: Place) -> str:
    row, column = place
    letters = ""
    while column >= 0:
        letters = chr(ord("A") + column % _LETTERS) + letters
        column = column // _LETTERS - 1
    return f"{letters}{row + 1}"


def _put(cell: Accessible, node: Accessible, place: Place) -> None:
    cell.place = place
    cell.shift = node.shift
    cell.identity = f"{node.path}:{place[0]},{place[1]}"


async def _find_extents(
    application: Application, cells: dict[Place, Accessible | None], first: Place
) -> None:
    top, left = first
    edge = [cell for place, cell in cells.items() if cell and (place[0] == top or place[1] == left)]
    await application.together(application.read_extents(cell) for cell in edge)
    for (row, column), cell in cells.items():
        above, beside = cells[top, column], cells[row, left]
        if cell and above and beside and above.extents and beside.extents:
            cell.extents = (above.extents[0], beside.extents[1], above.extents[2], beside.extents[3])
