"""What is known of a run: a fold of its events, and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from runner.agents.base import Usage
from runner.artifacts import Sha256
from runner.budget import Ledger
from runner.coordination import Coordination
from runner.events import (
    ActIntended,
    AttemptEnded,
    AttemptEvent,
    AttemptStarted,
    Branched,
    CheckpointTaken,
    ConnectionEnded,
    DesktopAwaited,
    DesktopLeased,
    EndStatus,
    HandoffReceived,
    InputPlaced,
    InputRead,
    Kept,
    LockReleased,
    OutputKept,
    Refused,
    Ruling,
    RunEnded,
    RunImported,
    RunResumed,
    RunStarted,
    SnapshotTaken,
    TaskEnded,
    TaskReopened,
    TaskReused,
    VerdictGiven,
    Warned,
)
from runner.frontier import Frontier, TaskStatus
from runner.journal import Journal, Record
from runner.plan import Plan
from runner.spec import Swarm
from sandboxes.errors import FailureKind


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
    cause: str = ""
    reason: str = ""
    awaits_since: float | None = None
    agent: str | None = None
    desktop: str | None = None
    epoch: int = 0
    received: list[HandoffReceived] = field(default_factory=list)
    read: dict[str, InputRead] = field(default_factory=dict)
    steps: int = 0
    usage: Usage = field(default_factory=Usage)
    checkpoints: list[CheckpointTaken] = field(default_factory=list)
    snapshots: list[SnapshotTaken] = field(default_factory=list)
    restored: Sha256 | None = None
    """The snapshot its desktop was made from."""
    connections: int = 0
    refused: ConnectionEnded | None = None
    intended: ActIntended | None = None
    """The action of which it is not known whether it was carried out."""
    inputs: dict[str, Kept] = field(default_factory=dict)
    outputs: dict[str, Kept] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    opinions: list[VerdictGiven] = field(default_factory=list)
    verdict: VerdictGiven | None = None
    rulings: list[Ruling] = field(default_factory=list)
    evidence: dict[str, Sha256] = field(default_factory=dict)

    @property
    def ruling(self) -> Ruling | None:
        """The last: where it was to ask a person, there is one more after their answer."""
        return self.rulings[-1] if self.rulings else None


@dataclass(slots=True)
class TaskState:
    """`agent` is who does the next attempt, where that is not the task's own; `round` counts how often the
    task was reopened, and `before` the attempts there were then; `reused` says that an earlier run did it."""

    id: str
    status: TaskStatus = "waiting"
    reason: str = ""
    ended_at: float | None = None
    attempts: list[AttemptState] = field(default_factory=list)
    agent: str | None = None
    round: int = 0
    before: int = 0
    reused: TaskReused | None = None


@dataclass(slots=True)
class RunState:
    """A run as far as its events tell; `seq` is the last one's.

    A task's status changes only through `_move`, so that `frontier`, the dispatcher's index, keeps up.
    """

    id: str
    swarm: Swarm
    plan: Plan
    backend: str
    controller: str
    started_at: float
    tasks: dict[str, TaskState]
    frontier: Frontier
    ledger: Ledger
    coordination: Coordination = field(default_factory=Coordination)
    aborted: str = ""
    """Why the arbitrator ends the whole run, where it does."""
    round: int = 0
    resumed: int = 0
    """How often another controller took it up."""
    folder: str = ""
    branched: Branched | None = None
    imported: bool = False
    """It happened elsewhere."""
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
            folder=event.folder,
            branched=event.branched,
            started_at=record.at,
            tasks=tasks,
            frontier=Frontier.of(event.plan),
            ledger=Ledger.open(event.swarm, record.at),
            seq=record.seq,
        )

    def apply(self, record: Record) -> None:
        """Take in the next event."""
        self.coordination.apply(record.event, record.at)
        match record.event:
            case RunResumed() as event:
                self.controller, self.resumed = event.controller, event.number
            case RunImported():
                self.imported = True
            case AttemptStarted() as event:
                self._move(event.task, "running")
                started = AttemptState(event.attempt, record.at, agent=event.agent)
                self.tasks[event.task].attempts.append(started)
            case Ruling() as event:
                self._rule(event)
            case TaskReopened() as event:
                self._reopen(event)
            case LockReleased(to=str(to)) as event:
                self.frontier.pass_lock(event.lock, event.task, to)
            case AttemptEnded() as event:
                self._add_steps_not_read(event)
                _apply_to_attempt(self._attempt(event), event, record.at)
            case AttemptEvent() as event:
                _apply_to_attempt(self._attempt(event), event, record.at)
            case TaskReused() as event:
                self.tasks[event.task].reused = event
            case TaskEnded() as event:
                self._move(event.task, event.status)
                task = self.tasks[event.task]
                task.reason, task.ended_at = event.reason, record.at
            case RunEnded() as event:
                self.status, self.reason, self.ended_at = event.status, event.reason, record.at
                self._cancel_open_tasks(record.at)
            case RunStarted():
                raise ValueError(f"run {record.run} started twice")
        self.ledger.apply(record.event, record.at)
        self.seq = max(self.seq, record.seq)

    def with_sums(self, ended: AttemptEnded) -> AttemptEnded:
        """The end of an attempt, with what it used."""
        attempt = self._attempt(ended)
        return ended.model_copy(update={"steps": attempt.steps, "usage": attempt.usage})

    def output(self, task: str, name: str) -> Kept:
        """What a task hands on. Raises LookupError where no verdict has passed it, and no person either."""
        reused = self.tasks[task].reused
        if reused is not None:
            return reused.outputs[name]
        attempt = self.tasks[task].attempts[-1]
        passed = attempt.verdict is not None and attempt.verdict.passed
        accepted = attempt.ruling is not None and attempt.ruling.answer == "accept"
        if not (passed or accepted):
            raise LookupError(f"{task}.{name}: no verdict has passed it")
        return attempt.outputs[name]

    def place_in_line(self, attempt: AttemptState) -> int | None:
        """Which of this run's attempts that wait for room it is, from 1; None where it does not wait."""
        if attempt.awaits_since is None or attempt.status != "running":
            return None
        last = [task.attempts[-1] for task in list(self.tasks.values()) if task.attempts]
        waits = [one.awaits_since for one in last if one.awaits_since is not None]
        return 1 + sum(since < attempt.awaits_since for since in waits)

    def _add_steps_not_read(self, ended: AttemptEnded) -> None:
        attempt = self._attempt(ended)
        if ended.steps > attempt.steps:
            unread = Usage(
                tokens=ended.usage.tokens - attempt.usage.tokens,
                money=max(0, ended.usage.money - attempt.usage.money),
            )
            self.ledger.spend(ended.task, ended.steps - attempt.steps, unread)
            attempt.steps, attempt.usage = ended.steps, ended.usage

    def _rule(self, ruling: Ruling) -> None:
        self._attempt(ruling).rulings.append(ruling)
        match ruling.answer:
            case "retry_fresh" | "retry_checkpoint" | "other_agent":
                self.tasks[ruling.task].agent = ruling.agent
                self._move(ruling.task, "waiting")
            case "person":
                self._move(ruling.task, "asking")
            case "abort_run":
                self.aborted = f"{ruling.task}: {ruling.reason}"

    def _reopen(self, reopened: TaskReopened) -> None:
        """The task waits again, and so does all that is blocked for want of it, however far down. In a run
        that had ended, so does what was cut off then."""
        tasks = [reopened.task]
        if self.status != "running":
            self.status, self.reason, self.ended_at, self.aborted = "running", "", None, ""
            self.round += 1
            tasks.extend(task.id for task in self.tasks.values() if task.status == "cancelled")
        for name in tasks:
            task = self.tasks[name]
            task.round, task.before, task.agent = task.round + 1, len(task.attempts), None
            task.reason, task.ended_at = "", None
            self._move(name, "waiting")
            tasks.extend(one for one in self.frontier.dependants[name] if self.tasks[one].status == "blocked")

    def _move(self, task: str, status: TaskStatus) -> None:
        self.tasks[task].status = status
        self.frontier.move(task, status)

    def _attempt(self, event: AttemptEvent) -> AttemptState:
        return self.tasks[event.task].attempts[event.attempt - 1]

    def _cancel_open_tasks(self, at: float) -> None:
        for task in self.tasks.values():
            if task.status in ("waiting", "running", "asking"):
                self._move(task.id, "cancelled")
                task.ended_at = at
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


def fold_decisions(journal: Journal, run: str) -> RunState:
    """The state of a run, but for the checkpoints of attempts that have ended, of which it has the sums.

    What this costs depends on how much was decided, not on how many steps were taken. Raises ValueError.
    """
    with _without_garbage_collection():
        state = fold(journal.read_decisions(run))
        for task in state.tasks.values():
            if task.attempts and task.attempts[-1].status == "running":
                for record in journal.read_steps(run, task.id, task.attempts[-1].number):
                    state.apply(record)
    return state


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Hardly anything of what is read is garbage, and looking for it, again and again while it grows, takes
    longer than the reading: 3.5 of 6 s for a million events."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _apply_to_attempt(attempt: AttemptState, event: AttemptEvent, at: float) -> None:
    match event:
        case DesktopAwaited():
            attempt.awaits_since = at
        case DesktopLeased():
            attempt.desktop, attempt.epoch, attempt.awaits_since = event.desktop, event.epoch, None
            attempt.restored = event.restored
        case HandoffReceived():
            attempt.received.append(event)
        case InputRead():
            attempt.read[event.name] = event
        case InputPlaced():
            attempt.inputs[event.file.name] = event.file
        case ActIntended():
            attempt.intended = event
        case ConnectionEnded():
            attempt.connections += event.allowed
            attempt.refused = attempt.refused if event.allowed else event
        case CheckpointTaken():
            attempt.intended = None
            attempt.checkpoints.append(event)
            attempt.steps += event.executed > 0
            attempt.usage = attempt.usage + event.usage
        case SnapshotTaken():
            attempt.snapshots.append(event)
        case OutputKept():
            attempt.outputs[event.file.name] = event.file
        case Warned():
            attempt.warnings.append(event)
        case Refused():
            attempt.refusals.append(event)
        case VerdictGiven() if event.judge:
            attempt.opinions.append(event)
        case VerdictGiven():
            attempt.verdict = event
        case AttemptEnded():
            attempt.cause = event.cause
            attempt.status, attempt.failure, attempt.reason = event.status, event.failure, event.reason
            attempt.evidence, attempt.ended_at, attempt.awaits_since = event.evidence, at, None


def rejected_outputs(attempts: Iterable[AttemptState]) -> dict[str, frozenset[Sha256]]:
    """By an output's name, the bytes that verdicts found fault with; a judge's fault is with all of them.

    What judges disagree about is not refused: the same work, done anew, is judged anew.
    """
    found: dict[str, frozenset[Sha256]] = {}
    for attempt in attempts:
        for name in _faulty(attempt):
            found[name] = found.get(name, frozenset()) | {attempt.outputs[name].sha256}
    return found


def _faulty(attempt: AttemptState) -> set[str]:
    failed = [finding for finding in attempt.verdict.findings if not finding.ok] if attempt.verdict else []
    disagree = attempt.verdict is not None and attempt.verdict.conflict
    judged = not disagree and any(finding.cause == "judge" for finding in failed)
    return set(attempt.outputs) if judged else {finding.output for finding in failed} & set(attempt.outputs)
