"""One attempt at a task, as it was recorded: what every export of a session begins with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint, read_checkpoint
from runner.reexecution.record import ReadState, read_record
from runner.spec import Task
from runner.state import AttemptState, RunState, TaskState
from sandboxes.errors import InputError


@dataclass(frozen=True, slots=True)
class Recording:
    """`checkpoints` are in the order of their steps."""

    run: RunState
    task: Task
    attempt: AttemptState
    checkpoints: tuple[Checkpoint, ...]


def find_recording(state: RunState, store: ArtifactStore, task: str, attempt: int | None = None) -> Recording:
    """That attempt at a task; by default the last that succeeded, or else the last.

    Raises InputError where there is none, InfraError where it cannot be read.
    """
    return _read(state, store, task, _choose(state.id, _task(state, task), attempt))


def from_the_start(recording: Recording, read_state: ReadState, store: ArtifactStore) -> Recording:
    """The same from a fresh desktop on: that of a branch with the steps of what it goes on from.

    `read_state` reads a run by its id. Raises InputError where it began on the desktop of another task.
    """
    attempt = recording.attempt.number
    record = read_record(read_state, store, recording.run.id, recording.task.id, attempt)
    return replace(recording, checkpoints=record.checkpoints)


def all_recordings(state: RunState, store: ArtifactStore, task: str | None = None) -> Iterator[Recording]:
    """Every attempt at every task, or at one. Raises as `find_recording` does."""
    for one in state.tasks.values() if task is None else [_task(state, task)]:
        for attempt in one.attempts:
            yield _read(state, store, one.id, attempt)


def _task(state: RunState, task: str) -> TaskState:
    if task not in state.tasks:
        raise InputError(f"task: {task!r} is not in run {state.id}; it has {', '.join(sorted(state.tasks))}")
    return state.tasks[task]


def _choose(run: str, task: TaskState, number: int | None) -> AttemptState:
    if not task.attempts:
        instead = f"; run {task.reused.run} did it: export that one's" if task.reused else ""
        raise InputError(f"task: {task.id!r} was not tried in run {run}{instead}")
    if number is None:
        done = [attempt for attempt in task.attempts if attempt.status == "succeeded"]
        return (done or task.attempts)[-1]
    if not 1 <= number <= len(task.attempts):
        raise InputError(f"--attempt: {number}: {task.id!r} was tried {len(task.attempts)} times")
    return task.attempts[number - 1]


def _read(state: RunState, store: ArtifactStore, task: str, attempt: AttemptState) -> Recording:
    spec = next(one for one in state.swarm.tasks if one.id == task)
    chain = tuple(read_checkpoint(store, taken.sha256) for taken in attempt.checkpoints)
    return Recording(state, spec, attempt, chain)
