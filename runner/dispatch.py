"""The dispatcher: from the plan and the state of its tasks to what may happen now. A pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.plan import Plan
from runner.state import TaskState


@dataclass(frozen=True, slots=True)
class Moves:
    """Tasks to start, in order; and tasks that never can, each with the task it needs in vain."""

    start: tuple[str, ...]
    blocked: dict[str, str]


def dispatch(plan: Plan, tasks: Mapping[str, TaskState], parallel: int) -> Moves:
    """What may happen now, with at most `parallel` tasks running."""
    free = parallel - sum(task.status == "running" for task in tasks.values())
    start: list[str] = []
    blocked: dict[str, str] = {}
    for planned in plan.tasks:
        if tasks[planned.id].status != "waiting":
            continue
        needs = {need: "blocked" if need in blocked else tasks[need].status for need in planned.needs}
        lost = [need for need, status in needs.items() if status in ("failed", "blocked", "cancelled")]
        if lost:
            blocked[planned.id] = lost[0]
        elif len(start) < free and all(status == "succeeded" for status in needs.values()):
            start.append(planned.id)
    return Moves(tuple(start), blocked)


def upcoming(plan: Plan, tasks: Mapping[str, TaskState]) -> tuple[str, ...]:
    """The tasks that wait for nothing but tasks that run now, or for their turn; in order."""
    return tuple(
        planned.id
        for planned in plan.tasks
        if tasks[planned.id].status == "waiting"
        and all(tasks[need].status in ("succeeded", "running") for need in planned.needs)
    )
