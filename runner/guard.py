"""The guard of one attempt: a session asks it before a decision, before it acts, after each step, and before
it believes its agent to be done. It journals what it warns of and refuses; what it stops, the session ends.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path

from runner.actions import Action, Target
from runner.budget import MONITOR, Purse, Spent
from runner.events import Recorder, Refused, Warned
from runner.monitors.claims import unfounded
from runner.monitors.gate import ActionRefused, Gate
from runner.monitors.step import Step
from runner.monitors.watch import Watch
from runner.outcome import Outcome, must_answer
from runner.spec import Task
from sandboxes.desktop import Desktop
from sandboxes.errors import FileError
from sandboxes.guest.protocol import Point


class Guard:
    def __init__(
        self, desktop: Desktop, task: Task, attempt: int, purse: Purse, record: Recorder, folder: Path
    ) -> None:
        """`folder` is that of the swarm file. Raises InputError where a user's own monitor is not there."""
        self.purse = purse
        self._desktop = desktop
        self._task = task
        self._attempt = attempt
        self._record = record
        self._watch = Watch(task.monitors, task.allow, folder)
        self._gate = Gate(desktop, task.allow, task.monitors.targets.then)
        self._returned = 0
        self._acted = False

    async def before_decision(self, step: int) -> Outcome | None:
        """An outcome where no further decision may be paid for."""
        for spent in self.purse.new_warnings():
            await self._warn(f"{MONITOR}{spent.cause}", step, str(spent))
        spent_up = self.purse.overdrawn()
        return None if spent_up is None else out_of(spent_up)

    def before_acting(self) -> Outcome | None:
        """An outcome where no step is left."""
        self._acted = True
        none_left = self.purse.step()
        return None if none_left is None else out_of(none_left)

    async def before_action(self, step: int, index: int, action: Action) -> None:
        """Raises ActionRefused, once that is journaled."""
        try:
            await self._gate.check(action)
        except ActionRefused as refused:
            await self._refuse(refused.monitor, step, index, refused.reason)
            raise

    async def before_input(self, step: int, index: int, target: Target, at: Point) -> None:
        """Input is about to go to a point. Raises ActionRefused, once that is journaled."""
        try:
            warning = await self._gate.check_aim(target, at)
        except ActionRefused as refused:
            await self._refuse(refused.monitor, step, index, refused.reason)
            raise
        if warning is not None:
            await self._warn("targets", step, warning)

    async def after(self, step: Step) -> Outcome | None:
        """An outcome where a monitor stops the attempt. Raises InputError where one of the user's fails."""
        alarms = await self._watch.see(step)
        for alarm in alarms:
            if alarm.stops:
                return Outcome("agent", alarm.message, alarm.monitor)
            await self._warn(alarm.monitor, step.checkpoint.step, alarm.message)
        return None

    async def doubts(self, step: int) -> Sequence[str]:
        """What speaks against the agent's claim to be done, where it is to be told so and go on."""
        spec = self._task.monitors.claims
        if spec.then == "off" or self._returned >= spec.returned:
            return ()
        reasons = await self._unfounded()
        if reasons:
            self._returned += 1
            await self._refuse("claims", step, None, "; ".join(reasons))
        return reasons

    async def believe(self, step: int) -> Outcome:
        """How an attempt ends whose agent is not to be asked again."""
        spec = self._task.monitors.claims
        if spec.then == "off" or not (reasons := await self._unfounded()):
            return Outcome()
        message = f"says it is done, but {'; '.join(reasons)}"
        if spec.then == "stop":
            return Outcome("agent", message, "claims")
        await self._warn("claims", step, message)
        return Outcome()

    async def _unfounded(self) -> Sequence[str]:
        with must_answer(self._desktop):
            sizes = {name: await self._size(spec.path) for name, spec in self._task.outputs.items()}
        return unfounded(self._task.outputs, sizes, self._acted)

    async def _size(self, path: str) -> int | None:
        """Of the file there; None for none, and for a folder."""
        try:
            entries = await self._desktop.files.list(path)
        except FileError:
            return None
        name = posixpath.basename(posixpath.normpath(path))
        return next((entry.size for entry in entries if entry.name == name and entry.kind == "file"), None)

    async def _warn(self, monitor: str, step: int, message: str) -> None:
        await self._record(
            Warned(task=self._task.id, attempt=self._attempt, monitor=monitor, step=step, message=message)
        )

    async def _refuse(self, monitor: str, step: int, index: int | None, reason: str) -> None:
        await self._record(
            Refused(
                task=self._task.id,
                attempt=self._attempt,
                monitor=monitor,
                step=step,
                action=index,
                reason=reason,
            )
        )


def out_of(spent: Spent) -> Outcome:
    """The end for want of a budget; an attempt's own time is a kind of its own."""
    own_time = spent.resource == "wall_s" and not spent.scope
    return Outcome("timeout" if own_time else "budget", str(spent), spent.cause)
