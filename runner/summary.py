"""A run in short: what `--json` prints."""

from __future__ import annotations

from typing import Literal

from runner.events import EndStatus
from runner.frontier import TaskStatus
from runner.state import RunState, TaskState
from sandboxes.errors import FailureKind
from sandboxes.spec import Model


class TaskSummary(Model):
    """`kind` is that of the failure the task ended with; `steps` and `wall_s` are of all its attempts;
    `reused` is the earlier run that had done the same, and whose work was taken."""

    id: str
    status: TaskStatus
    kind: FailureKind | None
    attempts: int
    steps: int
    wall_s: float | None
    reused: str | None = None


class RunSummary(Model):
    run: str
    status: Literal["running"] | EndStatus
    tasks: tuple[TaskSummary, ...]


def summarize(state: RunState) -> RunSummary:
    """The tasks in the order they were written."""
    tasks = tuple(_task(state.tasks[task.id]) for task in state.swarm.tasks)
    return RunSummary(run=state.id, status=state.status, tasks=tasks)


def _task(task: TaskState) -> TaskSummary:
    ends = [attempt.ended_at for attempt in task.attempts if attempt.ended_at is not None]
    return TaskSummary(
        id=task.id,
        status=task.status,
        kind=_kind(task),
        attempts=len(task.attempts),
        steps=sum(attempt.steps for attempt in task.attempts),
        wall_s=round(max(ends) - task.attempts[0].started_at, 3) if ends else None,
        reused=task.reused.run if task.reused else None,
    )


def _kind(task: TaskState) -> FailureKind | None:
    if task.status == "cancelled":
        return "cancelled"
    return task.attempts[-1].failure if task.attempts else None
