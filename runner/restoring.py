"""Going back: which saved desktop the next attempt at a task goes on from, and how far its work had come."""

from __future__ import annotations

from runner.agents import goes_on
from runner.events import SnapshotTaken
from runner.graph import agent_of
from runner.progress import Progress
from runner.spec import Swarm, Task
from runner.state import AttemptState, TaskState


def can_go_back(swarm: Swarm, task: Task, attempt: AttemptState) -> bool:
    """Whether its desktop was saved on the way, and its agent can go on where another one stopped."""
    return bool(attempt.snapshots) and goes_on(agent_of(swarm, task, attempt.agent))


def saved_for(task: TaskState) -> SnapshotTaken | None:
    """What the next attempt begins from, where the ruling on the last one says so."""
    last = task.attempts[-1] if task.attempts else None
    if last is None or last.ruling is None or last.ruling.answer != "retry_checkpoint":
        return None
    return last.snapshots[-1] if last.snapshots else None


def progress_at(saved: SnapshotTaken, attempt: AttemptState) -> Progress:
    """How far the work on a desktop had come when it was saved."""
    return Progress(steps=saved.acted, placed=attempt.inputs, read=frozenset(attempt.read))
