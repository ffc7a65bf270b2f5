"""The stated target: whether what lies under a point is what the agent said it was."""

from __future__ import annotations

from collections.abc import Sequence

from runner.actions import Target
from runner.monitors.under import Under
from sandboxes.guest.protocol import Node
from sandboxes.query import describe

_WIDGETS = frozenset(
    {
        "push button", "toggle button", "radio button", "check box", "combo box", "entry", "password text",
        "spin button", "slider", "link", "menu", "menu item", "check menu item", "radio menu item",
        "page tab", "list item", "tree item", "table cell",
    }
)  # fmt: skip


def states_target(target: Target) -> bool:
    """Whether a point comes with words about what is there."""
    return target.at is not None and not (target.role is target.name is target.text is target.app is None)


def mismatch(target: Target, place: Under, nodes: Sequence[Node]) -> str | None:
    """What is there instead of what was said, or None.

    Only what is certain is told: another widget lies there, or the object that was meant is elsewhere.
    Where applications say nothing of what they show, nobody can tell, and nothing is told.
    """
    if any(_is_meant(target, node) for node in place.nodes):
        return None
    there = next((node for node in reversed(place.nodes) if node.role in _WIDGETS), None)
    elsewhere = next((node for node in nodes if node.rect is not None and _is_meant(target, node)), None)
    if there is None and elsewhere is None:
        return None
    found = describe(there) if there else "no such object"
    where = (
        f"; that is at {elsewhere.rect.center.x},{elsewhere.rect.center.y}"
        if elsewhere and elsewhere.rect
        else ""
    )
    return f"said to be {_said(target)}, but there is {found}{where}"


def _is_meant(target: Target, node: Node) -> bool:
    """Names are compared loosely: agents read them off pictures."""
    return (
        _alike(target.role, (node.role,))
        and _alike(target.name or target.text, (node.name, node.text))
        and _alike(target.app, (node.app,))
    )


def _alike(said: str | None, found: tuple[str, ...]) -> bool:
    """One is a part of the other; what was not said is alike to all."""
    if said is None:
        return True
    word = _plain(said)
    return any(
        word == text or (word and text and (word in text or text in word)) for text in map(_plain, found)
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("…", "").replace("...", "").replace("_", "").split())


def _said(target: Target) -> str:
    return " ".join(
        filter(None, (target.role, repr(target.name or target.text or ""), target.app and f"in {target.app}"))
    )
