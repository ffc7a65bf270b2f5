"""What differs between two structures, in words a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from runner.reexecution.structure import Item, Structure
from sandboxes.ui_state import DIALOGS

Weight = Literal["aside", "slight", "real"]

_WINDOWS = frozenset({"frame", "window"})
_MOST = 200
_SHOWN = 80
_SLIGHT = 12
# What is shown beside the work, often a moment late: how many were found, how far something has come.
_ASIDE = frozenset({"label", "static", "image", "icon", "progress bar", "status bar", "info bar"})


def differences(recorded: Structure, now: Structure) -> list[str]:
    """What is not there any more, what is there now, and what is there but changed; windows first."""
    told, now = _retitled(recorded, now)
    cut = recorded.cut | now.cut
    missing, added = recorded.known(cut) - now.known(cut), now.known(cut) - recorded.known(cut)
    gone, come = recorded.windows - now.windows, now.windows - recorded.windows
    told += [f"window {_quoted(title)} is not there" for _, title in gone.elements()]
    told += [f"a window {_quoted(title)} is there that was not" for _, title in come.elements()]
    titles = {title for _, title in (gone + come)}
    told += _dialogs(missing, added, titles)
    told += _changed(missing, added)
    around = titles | {item.name for item in (missing + added) if item.role in DIALOGS | _WINDOWS}
    told += [f"{_named(item)}{_holding(item)} is not there" for item in _others(missing, around)]
    told += [f"{_named(item)}{_holding(item)} is there that was not" for item in _others(added, around)]
    return list(dict.fromkeys(told))[:_MOST]


def _retitled(recorded: Structure, now: Structure) -> tuple[list[str], Structure]:
    """Where an application's one window has another title: that, and what there is under the old one."""
    gone, come = recorded.windows - now.windows, now.windows - recorded.windows
    if gone.total() != 1 or [app for app, _ in gone] != [app for app, _ in come]:
        return [], now
    [(app, old)], [(_, new)] = gone, come
    items = Counter({_under(item, old, new): count for item, count in now.items.items()})
    windows = now.windows - Counter({(app, new): 1}) + Counter({(app, old): 1})
    told = f"window {_quoted(old)} is called {_quoted(new)}"
    return [told], replace(now, items=items, windows=windows)


def _under(item: Item, old: str, new: str) -> Item:
    """The object as it would be in a window that still had its old title."""
    role, name = item.within
    item = item._replace(within=(role, old)) if name == new else item
    return item._replace(name=old) if item.role in _WINDOWS and item.name == new else item


def weight_of(recorded: Structure, now: Structure) -> Weight:
    """`slight`: they may be of one state, seen a moment apart: a few objects, and no window or dialog;
    `aside`: nor anything that one works with."""
    cut = recorded.cut | now.cut
    before, after = recorded.known(cut), now.known(cut)
    apart = (before - after) + (after - before)
    if recorded.windows != now.windows or apart.total() > _SLIGHT:
        return "real"
    roles = {item.role for item in apart}
    if roles & (DIALOGS | _WINDOWS):
        return "real"
    return "aside" if roles <= _ASIDE else "slight"


def _dialogs(missing: Counter[Item], added: Counter[Item], titles: set[str]) -> Iterator[str]:
    for item in missing:
        if item.role in DIALOGS and item.name not in titles:
            yield f"{item.role} {_quoted(item.name)} is not there"
    for item in added:
        if item.role in DIALOGS and item.name not in titles:
            yield f"a {item.role} {_quoted(item.name)} appeared"


def _changed(missing: Counter[Item], added: Counter[Item]) -> Iterator[str]:
    """Objects that are the same but for what they hold or how they are; taken out of both."""
    by_name = {_identity(item): item for item in added}
    for old in list(missing):
        new = by_name.pop(_identity(old), None)
        if new is None or old.role in DIALOGS | _WINDOWS:
            continue
        missing.pop(old)
        added.pop(new)
        if old.text != new.text:
            yield f"{_named(old)} holds {_quoted(new.text)}, not {_quoted(old.text)}"
        else:
            yield f"{_named(old)} is {_said(new.states)}, not {_said(old.states)}"


def _identity(item: Item) -> tuple[str, ...]:
    return (item.app, *item.within, item.role, item.name)


def _others(items: Counter[Item], around: set[str]) -> Iterator[Item]:
    """Without windows and dialogs, of which was told, and what is in them."""
    for item in items:
        if item.role not in DIALOGS | _WINDOWS and item.within[1] not in around:
            yield item


def _named(item: Item) -> str:
    what = f"{item.role} {_quoted(item.name)}" if item.name else item.role
    return f"{what} of {item.within[0]} {_quoted(item.within[1])}" if item.within[1] else what


def _holding(item: Item) -> str:
    return f" with {_quoted(item.text)}" if item.text and item.text != item.name else ""


def _said(states: tuple[str, ...]) -> str:
    return " and ".join(states) or "disabled"


def _quoted(text: str) -> str:
    short = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return f"'{short}'"
