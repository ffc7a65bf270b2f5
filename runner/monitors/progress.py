"""No progress: nothing on the screen that was not there before."""

from __future__ import annotations

from typing import ClassVar

from runner.artifacts import Sha256
from runner.monitors.spec import Progress
from runner.monitors.step import Step


class ProgressMonitor:
    """Counts steps, and the seconds they took, since a screen was seen for the first time.

    The time an agent thinks is not counted: it is its budget's. A step that only waits counts its
    seconds and is no step, so that a slow page has `wait_s` to come.
    """

    name: ClassVar[str] = "progress"

    def __init__(self, spec: Progress) -> None:
        self._spec = spec
        self._known: set[tuple[Sha256, Sha256]] = set()
        self._steps = 0
        self._seconds = 0.0

    def see(self, step: Step) -> str | None:
        if step.screen not in self._known:
            self._known.add(step.screen)
            self._steps, self._seconds = 0, 0.0
        self._steps += not step.only_waits
        timings = step.checkpoint.timings
        self._seconds += timings.look_s + timings.act_s + timings.settle_s
        if self._steps < self._spec.steps and self._seconds < self._spec.wait_s:
            return None
        found = f"nothing new on the screen in {self._steps} steps and {self._seconds:.0f} s"
        self._steps, self._seconds = 0, 0.0
        return found
