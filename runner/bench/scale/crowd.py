"""Many tasks on many simulated desktops, on one controller."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.controller import run_swarm
from runner.events import AttemptStarted, CheckpointTaken, TaskEnded
from runner.journal import Record
from runner.spec import Swarm
from runner.state import RunState
from sandboxes.errors import InfraError


@dataclass(slots=True)
class Watch:
    """What is seen of a run while it goes on. `dispatched_s`: how long each freed place was free."""

    steps: int = 0
    dispatched_s: list[float] = field(default_factory=list)
    _freed_at: deque[float] = field(default_factory=deque)

    def see(self, record: Record, _: RunState) -> None:
        match record.event:
            case CheckpointTaken(executed=executed) if executed:
                self.steps += 1
            case TaskEnded():
                self._freed_at.append(record.at)
            case AttemptStarted() if self._freed_at:
                self.dispatched_s.append(record.at - self._freed_at.popleft())


@dataclass(frozen=True, slots=True)
class Crowd:
    """`cpu_s` is the processor time of the whole process, and `took_s` what a clock on the wall says."""

    tasks: int
    steps: int
    took_s: float
    cpu_s: float
    dispatched_s: list[float]


async def run_crowd(home: Path, tasks: int, desktops: int) -> Crowd:
    """Run so many tasks, each on a desktop of its own, so many desktops at once. Raises InfraError."""
    watch = Watch()
    started, cpu = time.monotonic(), time.process_time()
    summary = await run_swarm(_swarm(tasks, desktops), home, home, backend="simulated", on_event=watch.see)
    took_s, cpu_s = time.monotonic() - started, time.process_time() - cpu
    if summary.status != "succeeded":
        raise InfraError(f"the run {summary.run} of {tasks} tasks {summary.status}")
    return Crowd(tasks, watch.steps, took_s, cpu_s, watch.dispatched_s)


def _swarm(tasks: int, desktops: int) -> Swarm:
    return Swarm.model_validate(
        {"name": "crowd", "parallel": desktops, "tasks": [_task(number) for number in range(tasks)]}
    )


def _task(number: int) -> dict[str, Any]:
    steps = [{"type": f"{number} "}, {"type": "done"}, {"press": "ctrl+s"}]
    return {
        "id": f"t{number}",
        "instruction": "Write a note.",
        "agent": {"kind": "script", "steps": steps},
        "desktop": {"screen": {"width": 320, "height": 240}},
        "outputs": {"note": {"path": "~/note.txt"}},
    }
