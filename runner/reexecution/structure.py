"""What a tree says is there, in a form in which two looks at the same state are equal.

Places and order do not count, nor do objects that say nothing of themselves, nor which buttons of a tool bar
can be pressed, which applications work out late. The time of day and the date do not count where they are
those of the look itself.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sandboxes.guest.protocol import Node, Window
from sandboxes.observation import UiTree
from sandboxes.ui_state import DIALOGS

_STATES = ("checked", "selected", "expanded", "pressed", "editable")
_PLACES = DIALOGS | {"frame", "window", "menu", "tool bar"}
_INVISIBLE = dict.fromkeys(map(ord, "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"))
_MEMORY_USAGE = re.compile(r" - Memory usage - [0-9.,]+ [A-Za-z]+$")  # of Chromium's tabs
_TIME = re.compile(r"\b([01]?\d|2[0-3])[:\N{RATIO}]([0-5]\d)(?:[:\N{RATIO}][0-5]\d)?(?: ?[AP]M)?\b")
_NEAR_MIN = 150
_HALF_A_DAY_MIN = 12 * 60


class Item(NamedTuple):
    """One object: `within` is the role and the name of the nearest window, dialog, menu or tool bar around it
    that has a name."""

    app: str
    within: tuple[str, str]
    role: str
    name: str
    text: str
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """`windows` are applications and titles; of the applications in `cut` not all that shows is known."""

    items: Counter[Item]
    windows: Counter[tuple[str, str]]
    cut: frozenset[str]

    def matches(self, other: Structure) -> bool:
        """What is not all known is not compared."""
        cut = self.cut | other.cut
        return self.windows == other.windows and self.known(cut) == other.known(cut)

    def known(self, cut: frozenset[str]) -> Counter[Item]:
        """The objects of other applications than these."""
        if not cut:
            return self.items
        return Counter({item: count for item, count in self.items.items() if item.app not in cut})


def structure_of(tree: UiTree, windows: Sequence[Window], taken_at: float) -> Structure:
    plain = _Plain(taken_at)
    items = Counter(_item(node, tree.nodes, plain) for node in tree.nodes if _tells(node))
    titles = Counter((window.application, plain(window.title)) for window in windows if not window.minimized)
    return Structure(items, titles, frozenset(tree.cut))


class _Plain:
    """Text without what is of the moment."""

    def __init__(self, taken_at: float) -> None:
        moment = time.gmtime(taken_at)  # the desktops' own time zone
        self._minute = moment.tm_hour * 60 + moment.tm_min
        self._date = time.strftime("%Y-%m-%d", moment)

    def __call__(self, text: str) -> str:
        short = _MEMORY_USAGE.sub("", " ".join(text.translate(_INVISIBLE).split()))
        return _TIME.sub(self._time, short.replace(self._date, "(today)"))

    def _time(self, match: re.Match[str]) -> str:
        away = abs(int(match[1]) * 60 + int(match[2]) - self._minute) % _HALF_A_DAY_MIN
        return "(now)" if min(away, _HALF_A_DAY_MIN - away) <= _NEAR_MIN else match[0]


def _tells(node: Node) -> bool:
    if "showing" not in node.states:
        return False
    return bool(node.name or node.text) or node.role in DIALOGS or "editable" in node.states


def _item(node: Node, nodes: Sequence[Node], plain: _Plain) -> Item:
    role, name = _within(node, nodes)
    return Item(
        node.app,
        (role, plain(name)),
        node.role,
        plain(node.name),
        plain(node.text),
        () if role == "tool bar" else _states(node),
    )


def _states(node: Node) -> tuple[str, ...]:
    states = tuple(state for state in _STATES if state in node.states)
    return states if {"enabled", "sensitive"}.isdisjoint(node.states) else (*states, "enabled")


def _within(node: Node, nodes: Sequence[Node]) -> tuple[str, str]:
    while node.parent is not None:
        node = nodes[node.parent]
        if node.role in _PLACES and node.name:
            return node.role, node.name
    return "", ""
