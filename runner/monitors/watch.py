"""All that watches one session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.monitors.dialogs import DialogsMonitor
from runner.monitors.own import OwnMonitors
from runner.monitors.progress import ProgressMonitor
from runner.monitors.refusals import RefusalsMonitor
from runner.monitors.repeats import RepeatsMonitor
from runner.monitors.spec import Allow, Monitors, Then
from runner.monitors.step import Monitor, Step


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a monitor saw. `monitor` is its name, and the cause where it stops the attempt."""

    monitor: str
    message: str
    stops: bool


class Watch:
    """The monitors of one attempt that are not off."""

    def __init__(self, spec: Monitors, allow: Allow, folder: Path) -> None:
        """`folder` is that of the swarm file. Raises InputError where a user's own monitor is not there."""
        monitors: list[tuple[Then, Monitor]] = [
            (spec.repeats.then, RepeatsMonitor(spec.repeats)),
            (spec.progress.then, ProgressMonitor(spec.progress)),
            (spec.dialogs.then, DialogsMonitor(spec.dialogs)),
            (spec.refusals.then, RefusalsMonitor(spec.refusals, allow)),
        ]
        self._monitors = [(then, monitor) for then, monitor in monitors if then != "off"]
        self._own = OwnMonitors([own for own in spec.own if own.then != "off"], folder)

    async def see(self, step: Step) -> list[Alarm]:
        """Show all of them the next step. Raises InputError where a monitor of the user's fails."""
        alarms = [
            Alarm(monitor.name, message, then == "stop")
            for then, monitor in self._monitors
            if (message := monitor.see(step)) is not None
        ]
        own = await self._own.see(step)
        return alarms + [Alarm("own", f"{spec.python}: {said}", spec.then == "stop") for spec, said in own]
