"""Refusals: an agent that goes on asking for what it may not do."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from runner.checks.result import shown
from runner.monitors.spec import Allow, Refusals
from runner.monitors.step import Step, fits
from sandboxes.ui_state import browser_tabs

REFUSED = "refused: "
"""How the error of an action begins that was refused and not tried."""


class RefusalsMonitor:
    """Counts refused actions, and pages of hosts that are not allowed: a link leads there unnamed."""

    name: ClassVar[str] = "refusals"

    def __init__(self, spec: Refusals, allow: Allow) -> None:
        self._times = spec.times
        self._hosts = allow.hosts
        self._pages: set[str] = set()
        self._count = 0

    def see(self, step: Step) -> str | None:
        errors = [done.error for done in step.checkpoint.executed if done.error]
        refused = [error for error in errors if error.startswith(REFUSED)] + self._new_pages(step)
        self._count += len(refused)
        if not refused or self._count < self._times:
            return None
        return f"{self._count} refusals; the last: {refused[-1].removeprefix(REFUSED)}"

    def _new_pages(self, step: Step) -> list[str]:
        """Pages shown that were not shown at the step before."""
        if self._hosts is None:
            return []
        hosts = {urlsplit(tab.address).hostname or "" for tab in browser_tabs(step.tree.nodes)}
        foreign = {host for host in hosts if host and not fits(host, self._hosts)}
        new, self._pages = foreign - self._pages, foreign
        return [f"a page of {shown(host)}, a host that is not allowed" for host in sorted(new)]
