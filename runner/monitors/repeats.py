"""Repeated steps: the same actions on the same screens, over and over."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from runner.monitors.spec import Repeats
from runner.monitors.step import Step

MAX_BLOCK = 8


class RepeatsMonitor:
    """Looks for a block of up to 8 steps, done so many times in a row.

    A step is the screen together with what was done on it, so twenty times `Down` through a list is no
    loop, and neither is a form that is filled in again with other words. Waiting is not repeating.
    """

    name: ClassVar[str] = "repeats"

    def __init__(self, spec: Repeats) -> None:
        self._times = spec.times
        self._steps: deque[object] = deque(maxlen=spec.times * MAX_BLOCK)

    def see(self, step: Step) -> str | None:
        if step.only_waits:
            return None
        self._steps.append((step.screen, step.actions))
        block = next((size for size in range(1, MAX_BLOCK + 1) if self._repeats(size)), None)
        if block is None:
            return None
        self._steps.clear()
        what = (
            "the same step on the same screen"
            if block == 1
            else f"the same {block} steps on the same screens"
        )
        return f"{what}, {self._times} times; the last: {step.actions[-1].do}"

    def _repeats(self, block: int) -> bool:
        steps = list(self._steps)[-block * self._times :]
        return len(steps) == block * self._times and steps[block:] == steps[:-block]
