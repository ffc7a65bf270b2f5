"""LibreOffice's own widgets tell where they are as if their window had no menu bar.

The menu bar is GTK's, above all the rest, and LibreOffice does not count it. What GTK itself has put among
its widgets, as text fields, does know where it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .atspi import ACCESSIBLE, PANEL, ROOT_PANE

if TYPE_CHECKING:
    from .accessible import Accessible, Application

Shift = tuple[int, int]
NOT_SHIFTED: Shift = (0, 0)


async def find_shifts(application: Application, level: Iterable[Accessible]) -> None:
    """How far the children of some objects are from where they say they are: as far as their parents, but at
    both ends of what is LibreOffice's own, the root pane and GTK's panels."""
    asked = []
    for parent in level:
        for child in parent.children:
            child.shift = parent.shift
            if child.role == ROOT_PANE:
                asked.append(_begin(application, child, parent))
            elif child.role == PANEL and child.shift != NOT_SHIFTED:
                asked.append(_end_at_gtk(application, child))
    await application.together(asked)


async def _begin(application: Application, pane: Accessible, parent: Accessible) -> None:
    """A root pane is as large as the panel that holds it, and so where that is."""
    await application.together((application.read_extents(pane), application.read_extents(parent)))
    if pane.extents is not None and parent.extents is not None and pane.extents[2:] == parent.extents[2:]:
        pane.shift = (parent.extents[0] - pane.extents[0], parent.extents[1] - pane.extents[1])
        pane.extents = parent.extents


async def _end_at_gtk(application: Application, panel: Accessible) -> None:
    said = await application.ask(panel.path, ACCESSIBLE, "GetAttributes") or {}
    if "toolkit" in said:
        panel.shift = NOT_SHIFTED
