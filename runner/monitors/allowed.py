"""The allow-list: what an agent may use. Pure: from an action, and what it would act on, to a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from runner.actions import Action, Fill, Hold, Open, Press, Type
from runner.checks.result import shown
from runner.monitors.spec import Allow
from runner.monitors.step import fits
from runner.monitors.under import Under

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)


def refused_itself(allow: Allow, action: Action) -> str | None:
    """Why an action may not be done, wherever it would go; None where it may."""
    match action:
        case Open() if allow.commands is not None:
            program = action.argv[0].rpartition("/")[2]
            if not fits(program, allow.commands):
                return f"the command {shown(program)} is not allowed{_known(allow.commands)}"
        case Press() | Hold() if allow.keys is not None:
            if not fits(action.keys, allow.keys):
                return f"the keys {shown(action.keys)} are not allowed{_known(allow.keys)}"
    if allow.hosts is not None:
        foreign = (host for host in _hosts(action) if not fits(host, allow.hosts or ()))
        if (host := next(foreign, None)) is not None:
            return f"the host {shown(host)} is not allowed{_known(allow.hosts)}"
    return None


def refused_there(allow: Allow, place: Under) -> str | None:
    """Why input may not go to a place, or None. Where no window is, objects tell the application."""
    if allow.applications is not None:
        names = (
            [place.window.application] if place.window else list(dict.fromkeys(n.app for n in place.nodes))
        )
        if not any(fits(name, allow.applications) for name in names):
            what = f"the application {shown(names[-1])}" if names else "a place outside all applications"
            return f"{what} is not allowed{_known(allow.applications)}"
    if allow.windows is not None:
        title = place.window.title if place.window else None
        if title is None or not fits(title, allow.windows):
            what = "a place outside all windows" if title is None else f"the window {shown(title)}"
            return f"{what} is not allowed{_known(allow.windows)}"
    return None


def _hosts(action: Action) -> Iterator[str]:
    """The hosts of the addresses in what is opened or typed."""
    match action:
        case Open():
            texts = action.argv
        case Type() | Fill():
            texts = (action.text,)
        case _:
            texts = ()
    for text in texts:
        for address in _ADDRESS.findall(text):
            yield _host(address)


def _host(address: str) -> str:
    """An address that cannot be read is a host that no list allows by accident."""
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address


def _known(patterns: tuple[str, ...]) -> str:
    return f"; allowed: {', '.join(patterns[:10])}" if patterns else "; nothing is"
