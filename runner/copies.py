"""Whether a backend can make the copies of desktops that a swarm asks for."""

from __future__ import annotations

from runner.spec import Swarm
from sandboxes.errors import InputError
from sandboxes.spec import Capabilities


def check_modes(swarm: Swarm, backend: str, capabilities: Capabilities) -> None:
    """Refuse a swarm that wants copies of running desktops where none can be made. Raises InputError."""
    if capabilities.live_fork:
        return
    for task in swarm.tasks:
        for sender, handoff in task.handoffs.items():
            if handoff.mode == "fork":
                raise InputError(
                    f"task {task.id!r}: handoffs.{sender}.mode: backend {backend!r} cannot fork a running "
                    "desktop; use transfer or fresh"
                )
