"""What a drill found: whether the safeguard meant for a fault caught it, and whether it was contained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.artifacts import Sha256, sha256
from runner.drill.fault import Fault
from runner.drill.play import Played
from runner.events import (
    AttemptEnded,
    AttemptStarted,
    HandoffSent,
    InputPlaced,
    TaskEnded,
    TaskReopened,
)
from runner.journal import Record
from runner.state import RunState, TaskState
from sandboxes.spec import Model


class Row(Model):
    """One fault. `safeguard` is what caught it: the one meant for it where it is `detected`; else whatever
    ended the attempt it befell, or None where nothing did. `seconds` are from fault to detection."""

    fault: str
    detected: bool
    contained: bool
    safeguard: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What was spent on attempts that came to nothing; `wall_s` is theirs together, waiting included."""

    attempts: int
    steps: int
    tokens: int
    wall_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """A row, with the task that was hurt, what the run came to in words, and what was changed for it."""

    row: Row
    task: str
    ended: str
    cost: Cost
    notes: tuple[str, ...]

    @property
    def went_through(self) -> bool:
        return not (self.row.detected and self.row.contained)


def judge(fault: Fault, played: Played, undisturbed: Played) -> Found:
    """Only the journal is asked. A safeguard that fires at that task without the fault too proves nothing."""
    state = played.state
    by_chance = any(record.event.task == played.scene.target for record in alarms(fault, undisturbed))
    caught = None if by_chance else _caught(fault, played)
    row = Row(
        fault=fault.name,
        detected=caught is not None,
        contained=contained(played, undisturbed),
        safeguard=fault.safeguard if caught else _other(played),
        seconds=None if caught is None else round(max(0.0, caught.at - (played.injected_at or 0)), 3),
    )
    notes = played.scene.rehearsal.notes[len(undisturbed.scene.rehearsal.notes) :]
    return Found(row, played.scene.target, _end(state), _cost(state), notes)


def alarms(fault: Fault, played: Played) -> list[Record]:
    """What in a run, at any task's first attempt, the fault's safeguard would be said to have caught."""
    return [record for record in played.records if record.event.attempt == 1 and fault.proof(record.event)]


def contained(played: Played, undisturbed: Played) -> bool:
    """The run came to an end that is true: what it calls done is what it would have been without the fault,
    and nothing of the fault has reached another task."""
    state, calm = played.state, undisturbed.state
    if state.status not in ("succeeded", "failed") or played.injected_at is None:
        return False
    if played.poison & _handed_on(played) or _done_again(played):
        return False
    return all(_is_true(state.tasks[name], task, played) for name, task in calm.tasks.items())


def _caught(fault: Fault, played: Played) -> Record | None:
    """The first event of the attempt that was hurt which proves it."""
    if played.injected_at is None:
        return None
    return next((record for record in _of_the_hurt(played) if fault.proof(record.event)), None)


def _other(played: Played) -> str | None:
    """What ended the attempt that was hurt, where that was not the safeguard meant for it."""
    for record in _of_the_hurt(played):
        if isinstance(record.event, AttemptEnded) and record.event.failure is not None:
            return ".".join(filter(None, (record.event.failure, record.event.cause)))
    return None


def _of_the_hurt(played: Played) -> Iterator[Record]:
    for record in played.records:
        if record.event.attempt and played.scene.befalls(record.event.task, record.event.attempt):
            yield record


def _handed_on(played: Played) -> set[Sha256]:
    """By hash, all that any task was given: inputs and briefs."""
    found: set[Sha256] = set()
    for record in played.records:
        match record.event:
            case HandoffSent() as event:
                found |= {sha256(event.brief.encode()), *event.inputs.values()}
            case InputPlaced() as event:
                found.add(event.file.sha256)
    return found


def _done_again(played: Played) -> bool:
    """A task that had ended was begun again, and nobody had reopened it."""
    done: set[str] = set()
    for record in played.records:
        match record.event:
            case TaskEnded() as event:
                done.add(event.task)
            case TaskReopened():
                done.clear()
            case AttemptStarted() as event if event.task in done:
                return True
    return False


def _is_true(task: TaskState, calm: TaskState, played: Played) -> bool:
    """A task that counts as done left no poison and, where the work is played, just what it always leaves."""
    if task.status != "succeeded":
        return True
    left, usual = task.attempts[-1].outputs, calm.attempts[-1].outputs
    if {kept.sha256 for kept in left.values()} & played.poison:
        return False
    played_work = played.scene.rehearsal.played
    return not played_work or all(left[name].sha256 == kept.sha256 for name, kept in usual.items())


def _end(state: RunState) -> str:
    """In words: what the run came to."""
    lost = [task for task in state.tasks.values() if task.status != "succeeded"]
    if not lost:
        return "as without the fault"
    return f"{state.status}, {len(lost)} of {len(state.tasks)} not done"


def _cost(state: RunState) -> Cost:
    attempts = [one for task in state.tasks.values() for one in task.attempts if one.status != "succeeded"]
    return Cost(
        attempts=len(attempts),
        steps=sum(one.steps for one in attempts),
        tokens=sum(one.usage.tokens for one in attempts),
        wall_s=sum((one.ended_at or one.started_at) - one.started_at for one in attempts),
    )
