"""What is done on a fresh desktop before an agent sees it, besides placing its inputs."""

from __future__ import annotations

from collections.abc import Sequence

from runner.actions import Action, Target
from runner.execute import execute
from sandboxes.desktop import Desktop
from sandboxes.errors import DeadlineExceeded, DesktopStartError, GuestError
from sandboxes.guest.protocol import Point


async def set_up(desktop: Desktop, actions: Sequence[Action]) -> None:
    """Carry out every action, and let the desktop come to rest. No agent has a part in it, so that what
    fails is the desktop's start. Raises InfraError."""
    for index, action in enumerate(actions):
        try:
            await execute(desktop, action, _anywhere)
        except (GuestError, DeadlineExceeded) as error:
            raise DesktopStartError(f"setup[{index}]: {action.do}: {error}") from error
    if actions:
        await desktop.settle(timeout=30)


async def _anywhere(_target: Target, _at: Point) -> None:
    """Nobody watches where it aims."""
