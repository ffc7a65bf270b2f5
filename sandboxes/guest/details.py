"""What is said about an object beyond what it shows: actions, attributes, the limits of its value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .atspi import ACCESSIBLE, ACTION, VALUE

if TYPE_CHECKING:
    from .accessible import Accessible, Application

_MAX_ACTIONS = 20
_MAX_ATTRIBUTES = 64
_MAX_NAME = 200
_MAX_VALUE = 1000
_LIMITS = {"value": "CurrentValue", "min": "MinimumValue", "max": "MaximumValue", "step": "MinimumIncrement"}


async def read_details(application: Application, nodes: Iterable[Accessible]) -> None:
    await application.together(
        _read_cell(application, node) if node.place is not None else _read(application, node)
        for node in nodes
    )


async def _read_cell(application: Application, node: Accessible) -> None:
    """Where a cell of a sheet is, counted from 1; and of one that is not empty its number and formula.

    There are many of them: one that has no text is not asked.
    """
    row, column = node.place or (0, 0)
    node.attributes = [("rowindex", str(row + 1)), ("colindex", str(column + 1))]
    if not node.text:
        return
    value = await application.get(node.path, VALUE, "CurrentValue")
    if value or (value is not None and "0" in node.text):  # A text has the value 0, too.
        node.attributes.append(("value", f"{value:.15g}"))
    said = await application.ask(node.path, ACCESSIBLE, "GetAttributes") or {}
    if formula := said.get("Formula"):
        node.attributes.append(("formula", f"={formula}"[:_MAX_VALUE]))  # LibreOffice leaves the = out.


async def _read(application: Application, node: Accessible) -> None:
    found = await application.ask(node.path, ACCESSIBLE, "GetAttributes") or {}
    pairs = list(found.items())[:_MAX_ATTRIBUTES]
    node.attributes = [(name[:_MAX_NAME], value[:_MAX_VALUE]) for name, value in pairs]
    if ACTION in node.interfaces:
        actions = await application.ask(node.path, ACTION, "GetActions") or []
        node.actions = [
            {"name": name[:_MAX_NAME], "description": about[:_MAX_VALUE], "keys": keys[:_MAX_NAME]}
            for name, about, keys in actions[:_MAX_ACTIONS]
        ]
    if VALUE in node.interfaces:
        values = {key: await application.get(node.path, VALUE, name) for key, name in _LIMITS.items()}
        if None not in values.values():
            node.range = values
