"""What the objects and windows of a desktop say together: dialogs, tabs, what has the focus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sandboxes.guest.protocol import Node, Page
from sandboxes.query import in_active_window

DIALOGS = frozenset({"dialog", "alert", "file chooser", "color chooser", "font chooser"})
_MEMORY_USAGE = re.compile(r" - Memory usage - [0-9.,]+ [A-Za-z]+$")  # Chromium appends it to a tab's name.


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a browser. The address is empty where it is not known: of a tab that does not show, in a
    browser that was started without DevTools."""

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


def browser_tabs(nodes: Sequence[Node], pages: Sequence[Page] = ()) -> tuple[Tab, ...]:
    """The tabs of all browser windows. A browser is what shows a web page at an address.

    `pages`, which DevTools knows, are told apart by their titles: of those with the same one it is not
    known which tab is which. Those of windows that have no accessible tab come last.
    """
    tabs, left = list(_accessible_tabs(nodes)), list(pages)
    for tab in tabs:
        _take(left, {"address": tab.address})
    tabs = [_completed(tab, left, {"title": tab.title}) for tab in tabs]
    tabs = [_completed(tab, left, {}) for tab in tabs]
    return (*tabs, *(Tab(page.title, page.address, selected=False) for page in left))


def _accessible_tabs(nodes: Sequence[Node]) -> Iterator[Tab]:
    shown = {
        window: node.address
        for index, node in enumerate(nodes)
        if node.address and (window := _window(nodes, index)) is not None
    }
    for index, node in enumerate(nodes):
        if node.role == "page tab" and (window := _window(nodes, index)) in shown:
            selected = "selected" in node.states
            yield Tab(_MEMORY_USAGE.sub("", node.name), shown[window] if selected else "", selected)


def _completed(tab: Tab, left: list[Page], fields: dict[str, str]) -> Tab:
    """A tab without an address given that of the first page left that has these fields."""
    page = None if tab.address else _take(left, fields)
    return tab if page is None else replace(tab, address=page.address)


def _take(left: list[Page], fields: dict[str, str]) -> Page | None:
    page = next((page for page in left if fields.items() <= page.model_dump().items()), None)
    if page is not None:
        left.remove(page)
    return page


def _window(nodes: Sequence[Node], index: int) -> int | None:
    """The window an object is in, a child of its application; None for an application."""
    window = None
    while (parent := nodes[index].parent) is not None:
        window, index = index, parent
    return window
