"""Dead letters: what failed for good, whole, and the way back. A view of the journal, kept nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.agents.base import Usage
from runner.events import CheckpointTaken, Finding, Kept, TaskReopened
from runner.journal import Journal
from runner.state import AttemptState, RunState, TaskState, fold
from sandboxes.errors import FailureKind, InputError
from sandboxes.owner import Owner
from sandboxes.spec import Model

LAST_CHECKPOINTS = 5


class DeadLetter(Model):
    """A task that failed for good: its last attempt, and how many there were. Bytes are in the store."""

    run: str
    task: str
    instruction: str
    at: float
    attempts: int
    kind: FailureKind | None
    cause: str
    reason: str
    inputs: tuple[Kept, ...]
    outputs: tuple[Kept, ...]
    findings: tuple[Finding, ...]
    checkpoints: tuple[CheckpointTaken, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Requeued:
    """`running`: a controller is at work on the run, and takes the task up by itself."""

    run: str
    task: str
    running: bool


def dead_letters(state: RunState) -> Iterator[DeadLetter]:
    """Those of a run, in the order of its plan. A task that was requeued is none until it fails again."""
    instructions = {task.id: task.instruction for task in state.swarm.tasks}
    for task in state.tasks.values():
        if task.status == "failed":
            yield _letter(state.id, task, instructions[task.id])


def find_letter(state: RunState, task: str) -> DeadLetter:
    """Raises InputError where that task is no dead letter."""
    found = {letter.task: letter for letter in dead_letters(state)}
    if task not in found:
        known = f"; there are: {', '.join(found)}" if found else "; there are none"
        raise InputError(f"task: {task!r} of {state.id} did not fail for good{known}")
    return found[task]


def requeue(journal: Journal, run: str, task: str, by: str, reason: str) -> Requeued:
    """Let a dead letter be tried again, with all its answers anew. Raises InputError, AlreadyHappened."""
    state = fold(journal.read(run))
    requeue_all(journal, state, [find_letter(state, task).task], by, reason)
    running = state.status == "running" and Owner.parse(state.controller).is_alive()
    return Requeued(run, task, running)


def requeue_all(journal: Journal, state: RunState, tasks: Sequence[str], by: str, reason: str) -> None:
    """The same of several dead letters of a run, of all or none. `state` is what the journal says."""
    if state.imported:
        raise InputError(f"run: {state.id} was imported; what it needs to go on is where it began")
    if state.branched is not None:
        raise InputError(f"run: {state.id} is a branch, which has one attempt; branch again")
    rounds = {task: state.tasks[task].round + 1 for task in tasks}
    reopened = (TaskReopened(task=task, round=n, reason=reason, by=by) for task, n in rounds.items())
    journal.append(state.id, *reopened)


def _letter(run: str, task: TaskState, instruction: str) -> DeadLetter:
    last = task.attempts[-1] if task.attempts else AttemptState(0, task.ended_at or 0)
    return DeadLetter(
        run=run,
        task=task.id,
        instruction=instruction,
        at=task.ended_at or 0,
        attempts=len(task.attempts),
        kind=last.failure,
        cause=last.cause,
        reason=last.reason or task.reason,
        inputs=tuple(last.inputs.values()),
        outputs=tuple(last.outputs.values()),
        findings=last.verdict.findings if last.verdict else (),
        checkpoints=tuple(last.checkpoints[-LAST_CHECKPOINTS:]),
        usage=last.usage,
    )
