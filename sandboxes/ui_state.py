"""What the objects and windows of a desktop say together: dialogs, tabs, what has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandboxes.guest.protocol import Node
from sandboxes.query import in_active_window

DIALOGS = frozenset({"dialog", "alert", "file chooser", "color chooser", "font chooser"})


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a browser. Only of the one that shows is the address known; it is empty for others."""

    title: str
    address: str
    selected: bool


def active_element(nodes: Sequence[Node]) -> Node | None:
    """The innermost object that has the keyboard, in the window that has it."""
    focused = [node for node in nodes if "focused" in node.states and node.parent is not None]
    return next((node for node in reversed(focused) if in_active_window(nodes, node)), None)


def open_dialogs(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The dialogs that show, in the order of the tree; not what is a part of one."""
    inside: list[bool] = []
    found = []
    for node in nodes:
        within = node.parent is not None and inside[node.parent]
        opens = node.role in DIALOGS and "showing" in node.states
        inside.append(within or opens)
        if opens and not within:
            found.append(node)
    return tuple(found)


def applications(nodes: Sequence[Node]) -> tuple[str, ...]:
    """The running applications that say what they show."""
    return tuple(dict.fromkeys(node.app for node in nodes if node.parent is None))


def browser_tabs(nodes: Sequence[Node]) -> tuple[Tab, ...]:
    """The tabs of all browser windows. A browser is what shows a web page at an address."""
    pages = {
        window: node.address
        for index, node in enumerate(nodes)
        if node.address and (window := _window(nodes, index)) is not None
    }
    return tuple(
        Tab(node.name, pages[window] if selected else "", selected)
        for index, node in enumerate(nodes)
        if node.role == "page tab" and (window := _window(nodes, index)) in pages
        for selected in ["selected" in node.states]
    )


def _window(nodes: Sequence[Node], index: int) -> int | None:
    """The window an object is in, a child of its application; None for an application."""
    window = None
    while (parent := nodes[index].parent) is not None:
        window, index = index, parent
    return window
