"""Why a task came out as it did: its decision flow, read off the journal in the order in which it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runner.events import (
    ActIntended,
    Answered,
    Asked,
    AttemptEnded,
    AttemptStarted,
    CheckpointTaken,
    DeadlockFound,
    DesktopAdopted,
    DesktopHandedOver,
    DesktopLeased,
    Escalated,
    Event,
    Finding,
    HandoffReceived,
    HandoffSent,
    InputPlaced,
    InputsUnread,
    LockGranted,
    LockReleased,
    OutputKept,
    Refused,
    Ruling,
    RunResumed,
    SnapshotTaken,
    TaskEnded,
    TaskReopened,
    TaskReused,
    VerdictGiven,
    Warned,
)
from runner.journal import Record
from runner.state import RunState

_SHOWN_FINDINGS = 6


class Told(NamedTuple):
    """A decision in words. `at` is in seconds since the epoch, None for steps after the last decision;
    `attempt` is 0 where it is of none of the task's; `kind` is the event's, or `steps`."""

    at: float | None
    attempt: int
    kind: str
    text: str


def tell_why(state: RunState, records: Sequence[Record], task: str) -> Iterator[str]:
    """What the task waited for, and each event that decided something, as `SECONDS  TEXT`; steps in between
    are counted. Seconds are since the run began. `records` are the run's, in order."""
    yield from _place_in_the_plan(state, task)
    for told in tell_decisions(records, task):
        at = " " * 10 if told.at is None else f"{told.at - state.started_at:8.1f}  "
        yield at + told.text
    yield from _consequences(state, task)


def tell_plan(state: RunState, task: str) -> Iterator[str]:
    """What the task waited for, and what waits for it."""
    for line in (*_place_in_the_plan(state, task), *_consequences(state, task)):
        yield " ".join(line.split())


def tell_decisions(records: Sequence[Record], task: str) -> Iterator[Told]:
    """The same between the plan and the consequences, one by one."""
    steps = _Steps()
    for record in records:
        if not _concerns(record.event, task):
            continue
        if isinstance(record.event, CheckpointTaken | ActIntended):
            steps.count(record.event)
            continue
        if line := _tell(record.event, task):
            yield from (Told(record.at, told.attempt, told.kind, told.text) for told in steps.told())
            attempt = record.event.attempt if record.event.task == task else 0
            yield Told(record.at, attempt, record.event.kind, line)
    yield from steps.told()


def _place_in_the_plan(state: RunState, task: str) -> Iterator[str]:
    node = state.frontier.nodes[task]
    needs = [f"{need} ({state.tasks[need].status})" for need in node.needs]
    yield f"{task}: {state.tasks[task].status}"
    yield f"  needs   {', '.join(needs) or 'nothing'}"
    if node.locks:
        yield f"  locks   {', '.join(node.locks)}"
    if (origin := state.branched) is not None:
        yield f"  from    step {origin.step + 1} of attempt {origin.attempt} at {origin.task} in {origin.run}"


def _consequences(state: RunState, task: str) -> Iterator[str]:
    followers = [f"{one} ({state.tasks[one].status})" for one in state.frontier.dependants[task]]
    yield f"  so      {', '.join(followers) or 'nothing else waited for it'}"


def _concerns(event: Event, task: str) -> bool:
    if isinstance(event, HandoffSent | DesktopHandedOver):
        return task in (event.task, event.to)
    return event.task == task or isinstance(event, RunResumed)


class _Steps:
    """Steps since the last line, told in one."""

    def __init__(self) -> None:
        self._seen = 0
        self._acted = 0
        self._open: ActIntended | None = None
        self._attempt = 0

    def count(self, event: CheckpointTaken | ActIntended) -> None:
        self._attempt = event.attempt
        if isinstance(event, ActIntended):
            self._open = event
            return
        self._open = None
        self._seen += 1
        self._acted += event.executed

    def told(self) -> Iterator[Told]:
        if self._seen:
            yield Told(None, self._attempt, "steps", f"{self._seen} steps, {self._acted} actions")
        if self._open is not None:
            yield Told(None, self._attempt, "steps", f"{self._open.words} was begun")
        self._seen, self._acted, self._open = 0, 0, None


def _tell(event: Event, task: str) -> str:
    """The event as a person would say it; empty for what decides nothing."""
    match event:
        case AttemptStarted():
            return f"attempt {event.attempt} began{f', by agent {event.agent}' if event.agent else ''}"
        case DesktopLeased():
            return f"on desktop {event.desktop}, lease {event.epoch}"
        case InputPlaced():
            return f"input {event.file.name} put at {event.file.path} ({event.file.sha256[:12]})"
        case OutputKept():
            return f"output {event.file.name}: {event.file.bytes} bytes ({event.file.sha256[:12]})"
        case Warned():
            return f"warning by {event.monitor}: {event.message}"
        case Refused():
            return f"refused by {event.monitor}: {event.reason}"
        case VerdictGiven():
            return _verdict(event)
        case AttemptEnded():
            return _end(event)
        case Ruling():
            return _ruling(event)
        case TaskEnded():
            return f"the task {event.status}{_because(event.reason)}"
        case TaskReused():
            return f"not done again: attempt {event.did} in {event.run} did the same"
        case TaskReopened():
            return f"opened again by {event.by}{_because(event.reason)}"
        case RunResumed():
            return f"the controller had died; another took the run up ({event.number})"
        case _:
            return _tell_between(event, task)


def _tell_between(event: Event, task: str) -> str:
    """What happens in the space between tasks."""
    match event:
        case HandoffSent() if event.to == task:
            return f"handoff from {event.task} ({event.mode}): {event.intent}; {event.tokens} tokens of brief"
        case HandoffSent():
            return f"handed on to {event.to} ({event.mode}): {event.intent}"
        case HandoffReceived():
            return f"received what {event.sender} handed on"
        case InputsUnread():
            return f"never read: {', '.join(event.names)}"
        case DesktopHandedOver():
            how = f"a copy of {event.fork_of}" if event.fork_of else "it changes owner"
            return f"desktop {event.desktop} goes from {event.task} to {event.to}: {how}"
        case DesktopAdopted():
            twice = f"; {event.doubt} may be done twice" if event.doubt else ""
            return f"desktop {event.desktop} outlived the controller after {event.steps} steps{twice}"
        case SnapshotTaken():
            return f"its desktop was saved before step {event.step + 1} ({event.snapshot[:12]})"
        case LockGranted():
            return f"got the lock {event.lock}"
        case LockReleased():
            return f"gave up the lock {event.lock}{f' to {event.to}' if event.to else ''}"
        case DeadlockFound():
            cycle = ", ".join(f"{one.task} waits for {one.lock}, held by {one.holder}" for one in event.cycle)
            return f"deadlock: {cycle}"
        case Asked():
            return f"asked {event.path[0].to}: {event.question} (unanswered: {event.default})"
        case Escalated():
            return f"no answer; asked {event.to}"
        case Answered():
            return f"{event.by} answered: {event.choice}{_because(event.note)}"
        case _:
            return ""


def _verdict(event: VerdictGiven) -> str:
    who = f"judge {event.judge}" if event.judge else "verdict"
    failed = [_finding(finding) for finding in event.findings if not finding.ok]
    if event.passed:
        return f"{who}: passed, {len(event.findings)} findings"
    more = f"; and {len(failed) - _SHOWN_FINDINGS} more" if len(failed) > _SHOWN_FINDINGS else ""
    found = "; ".join(failed[:_SHOWN_FINDINGS]) + more
    return f"{who}: {'the judges disagree' if event.conflict else 'FAILED'}: {found}"


def _finding(finding: Finding) -> str:
    return f"{finding.subject}{f': {finding.detail}' if finding.detail else ''}"


def _end(event: AttemptEnded) -> str:
    kind = ".".join(filter(None, (event.failure, event.cause)))
    return f"attempt {event.attempt} {event.status}{f' ({kind})' if kind else ''}{_because(event.reason)}"


def _ruling(event: Ruling) -> str:
    answer = event.answer.replace("_", " ") + (f" {event.agent}" if event.agent else "")
    rule = f" by rule {event.rule}" if event.rule else ""
    return f"ruling: {answer}{rule} ({event.by}){_because(event.reason)}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
