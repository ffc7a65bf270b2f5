"""What is said about an object beyond what it shows: actions, attributes, the limits of its value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .atspi import ACCESSIBLE, ACTION, CELL, VALUE

if TYPE_CHECKING:
    from .accessible import Accessible, Application

_MAX_ACTIONS = 20
_MAX_ATTRIBUTES = 64
_MAX_NAME = 200
_MAX_VALUE = 1000
_LIMITS = {"value": "CurrentValue", "min": "MinimumValue", "max": "MaximumValue", "step": "MinimumIncrement"}


async def read_details(application: Application, nodes: Iterable[Accessible]) -> None:
    """The cells of a sheet are too many, and too much alike, to be asked one by one."""
    await application.together(_read(application, node) for node in nodes if node.role != CELL)


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
