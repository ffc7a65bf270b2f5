"""The gate between what an agent asks for and its desktop: it refuses an action before it is carried out."""

from __future__ import annotations

from dataclasses import dataclass

from runner.actions import Action, Focus, Hold, Press, Target, Type
from runner.monitors.allowed import refused_itself, refused_there
from runner.monitors.refusals import REFUSED
from runner.monitors.spec import Allow
from runner.monitors.targets import mismatch, states_target
from runner.monitors.under import Under, under, with_keyboard
from sandboxes.desktop import Desktop
from sandboxes.errors import DeskswarmError
from sandboxes.guest.protocol import Point


class ActionRefused(DeskswarmError):
    """An action was not tried. `monitor` is who refused it: `allow` or `targets`."""

    def __init__(self, monitor: str, reason: str) -> None:
        super().__init__(f"{REFUSED}{reason}")
        self.monitor = monitor
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Gate:
    """Looks at the desktop only where the rules ask for it, so that a task without rules pays nothing.

    `targets` is what follows where an object is not what the agent said: `off`, `warn` or `refuse`.
    """

    desktop: Desktop
    allow: Allow
    targets: str

    async def check(self, action: Action) -> None:
        """What can be told before an action aims at anything. Raises ActionRefused."""
        if reason := refused_itself(self.allow, action):
            raise ActionRefused("allow", reason)
        if not self._bounds_places:
            return
        windows = await self.desktop.windows()
        match action:
            case Type() | Press() | Hold():
                self._check_place(with_keyboard(windows))
            case Focus():
                for window in windows:
                    if action.title in window.title:
                        self._check_place(Under(window))

    async def check_aim(self, target: Target, at: Point) -> str | None:
        """Before input goes there: a warning where the target is another than said. Raises ActionRefused."""
        stated = self.targets != "off" and states_target(target)
        if not (stated or self._bounds_places):
            return None
        windows, tree = await self.desktop.windows(), await self.desktop.ui_tree()
        place = under(at, windows, tree.nodes)
        if self._bounds_places:
            self._check_place(place)
        wrong = mismatch(target, place, tree.nodes) if stated else None
        if wrong and self.targets == "refuse":
            raise ActionRefused("targets", wrong)
        return wrong

    @property
    def _bounds_places(self) -> bool:
        return self.allow.applications is not None or self.allow.windows is not None

    def _check_place(self, place: Under) -> None:
        if reason := refused_there(self.allow, place):
            raise ActionRefused("allow", reason)
