"""Copies of desktops, where a backend can make them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from runner.spec import Swarm
from sandboxes.desktop import Desktop
from sandboxes.errors import InputError
from sandboxes.spec import Capabilities


@runtime_checkable
class Forkable(Protocol):
    async def fork(self, holder: str) -> Desktop: ...


def check_modes(swarm: Swarm, backend: str, capabilities: Capabilities) -> None:
    """Refuse a swarm that wants copies of desktops where none can be made. Raises InputError."""
    for task in swarm.tasks:
        for sender, handoff in task.handoffs.items():
            if handoff.mode == "fork" and not capabilities.live_fork:
                raise InputError(
                    f"task {task.id!r}: handoffs.{sender}.mode: backend {backend!r} cannot fork a desktop; "
                    "use transfer or fresh"
                )


async def fork(desktop: Desktop, holder: str) -> Desktop:
    """A copy of a desktop, leased to `holder`. Raises InputError where none can be made."""
    if not isinstance(desktop, Forkable):
        raise InputError("this desktop cannot be copied; use transfer or fresh")
    return await desktop.fork(holder)
