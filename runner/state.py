"""What is known of a run: a fold of its events, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from runner.agents.base import Usage
from runner.artifacts import Sha256
from runner.events import (
    AttemptEnded,
    AttemptEvent,
    AttemptStarted,
    CheckpointTaken,
    ConnectionEnded,
    DesktopAwaited,
    DesktopLeased,
    EndStatus,
    InputPlaced,
    Kept,
    OutputKept,
    Ruling,
    RunEnded,
    RunStarted,
    TaskEnded,
    VerdictGiven,
)
from runner.journal import Record
from runner.plan import Plan
from runner.spec import Swarm
from sandboxes.errors import FailureKind

TaskStatus = Literal["waiting", "running", "succeeded", "failed", "blocked", "cancelled"]


@dataclass(slots=True)
class AttemptState:
    """One attempt at a task. Times are in seconds since the epoch; `steps` counts decisions acted on.

    `awaits_since` is when it came to wait for room on the machine, None when it does not.
    `connections` counts those to the network that were made, `refused` is the last that was not.
    """

    number: int
    started_at: float
    ended_at: float | None = None
    status: Literal["running"] | EndStatus = "running"
    failure: FailureKind | None = None
    reason: str = ""
    awaits_since: float | None = None
    desktop: str | None = None
    steps: int = 0
    usage: Usage = field(default_factory=Usage)
    checkpoints: list[CheckpointTaken] = field(default_factory=list)
    connections: int = 0
    refused: ConnectionEnded | None = None
    inputs: dict[str, Kept] = field(default_factory=dict)
    outputs: dict[str, Kept] = field(default_factory=dict)
    verdict: VerdictGiven | None = None
    ruling: Ruling | None = None
    evidence: dict[str, Sha256] = field(default_factory=dict)


@dataclass(slots=True)
class TaskState:
    id: str
    status: TaskStatus = "waiting"
    reason: str = ""
    ended_at: float | None = None
    attempts: list[AttemptState] = field(default_factory=list)


@dataclass(slots=True)
class RunState:
    """A run as far as its events tell; `seq` is the last one's."""

    id: str
    swarm: Swarm
    plan: Plan
    backend: str
    controller: str
    started_at: float
    tasks: dict[str, TaskState]
    status: Literal["running"] | EndStatus = "running"
    reason: str = ""
    ended_at: float | None = None
    seq: int = 0

    @classmethod
    def start(cls, record: Record) -> RunState:
        """The state after a run's first event. Raises ValueError for any other."""
        event = record.event
        if not isinstance(event, RunStarted):
            raise ValueError(f"run {record.run} begins with {event.kind}, not with run_started")
        tasks = {task.id: TaskState(task.id) for task in event.plan.tasks}
        return cls(
            id=record.run,
            swarm=event.swarm,
            plan=event.plan,
            backend=event.backend,
            controller=event.controller,
            started_at=record.at,
            tasks=tasks,
            seq=record.seq,
        )

    def apply(self, record: Record) -> None:
        """Take in the next event."""
        match record.event:
            case AttemptStarted() as event:
                task = self.tasks[event.task]
                task.status = "running"
                task.attempts.append(AttemptState(event.attempt, record.at))
            case Ruling() as event:
                self._attempt(event).ruling = event
                self.tasks[event.task].status = "waiting" if event.answer == "retry" else "running"
            case AttemptEvent() as event:
                _apply_to_attempt(self._attempt(event), event, record.at)
            case TaskEnded() as event:
                task = self.tasks[event.task]
                task.status, task.reason, task.ended_at = event.status, event.reason, record.at
            case RunEnded() as event:
                self.status, self.reason, self.ended_at = event.status, event.reason, record.at
                self._cancel_open_tasks(record.at)
            case RunStarted():
                raise ValueError(f"run {record.run} started twice")
        self.seq = record.seq

    def output(self, task: str, name: str) -> Kept:
        """What a task hands on. Raises LookupError where no verdict has passed it."""
        attempt = self.tasks[task].attempts[-1]
        if attempt.verdict is None or not attempt.verdict.passed:
            raise LookupError(f"{task}.{name}: no verdict has passed it")
        return attempt.outputs[name]

    def place_in_line(self, attempt: AttemptState) -> int | None:
        """Which of this run's attempts that wait for room it is, from 1; None where it does not wait."""
        if attempt.awaits_since is None or attempt.status != "running":
            return None
        last = [task.attempts[-1] for task in list(self.tasks.values()) if task.attempts]
        waits = [one.awaits_since for one in last if one.awaits_since is not None]
        return 1 + sum(since < attempt.awaits_since for since in waits)

    def _attempt(self, event: AttemptEvent) -> AttemptState:
        return self.tasks[event.task].attempts[event.attempt - 1]

    def _cancel_open_tasks(self, at: float) -> None:
        for task in self.tasks.values():
            if task.status in ("waiting", "running"):
                task.status, task.ended_at = "cancelled", at
            if task.attempts and task.attempts[-1].status == "running":
                task.attempts[-1].status, task.attempts[-1].ended_at = "cancelled", at


def fold(records: Iterable[Record]) -> RunState:
    """The state after these events, the first of which began the run. Raises ValueError."""
    rest = iter(records)
    first = next(rest, None)
    if first is None:
        raise ValueError("a run without events")
    state = RunState.start(first)
    for record in rest:
        state.apply(record)
    return state


def _apply_to_attempt(attempt: AttemptState, event: AttemptEvent, at: float) -> None:
    match event:
        case DesktopAwaited():
            attempt.awaits_since = at
        case DesktopLeased():
            attempt.desktop, attempt.awaits_since = event.desktop, None
        case InputPlaced():
            attempt.inputs[event.file.name] = event.file
        case ConnectionEnded():
            attempt.connections += event.allowed
            attempt.refused = attempt.refused if event.allowed else event
        case CheckpointTaken():
            attempt.checkpoints.append(event)
            attempt.steps += event.executed > 0
            attempt.usage = attempt.usage + event.usage
        case OutputKept():
            attempt.outputs[event.file.name] = event.file
        case VerdictGiven():
            attempt.verdict = event
        case AttemptEnded():
            attempt.status, attempt.failure, attempt.reason = event.status, event.failure, event.reason
            attempt.evidence, attempt.ended_at, attempt.awaits_since = event.evidence, at, None
