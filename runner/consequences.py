"""What follows from an attempt's end: pure functions from a run's state to the next events."""

from __future__ import annotations

from collections.abc import Sequence

from runner.arbitrator import MAX_EXCERPT, Case, Failure, choices_for
from runner.coordination import Question
from runner.events import Asked, AttemptEnded, Event, HandoffSent, LockReleased, Ruling, TaskEnded
from runner.restoring import can_go_back
from runner.rules import Escalation, Policy
from runner.spec import Task
from runner.state import AttemptState, RunState


def policies_of(state: RunState, task: Task) -> tuple[Policy, ...]:
    """The task's own, where it has one, before the swarm's."""
    return (state.swarm.policy,) if task.policy is None else (task.policy, state.swarm.policy)


def escalation_of(state: RunState, task: Task) -> Escalation:
    return task.escalate or state.swarm.escalate


def case_of(state: RunState, task: Task, ended: AttemptEnded, can_accept: bool) -> Case:
    """A failed attempt with all the arbitrator may know of it. `can_accept`: its outputs, as they are, would
    be enough for those that need them."""
    attempts = state.tasks[task.id].attempts
    attempt = attempts[ended.attempt - 1]
    earlier = attempts[state.tasks[task.id].before : ended.attempt - 1]
    return Case(
        task=task.id,
        instruction=task.instruction,
        failure=_failure(ended, attempt),
        findings=attempt.verdict.findings if attempt.verdict else (),
        earlier=tuple(_failure(_end_of(task, one), one) for one in earlier if _counts(one)),
        agents=tuple(state.swarm.agents),
        can_accept=can_accept and ended.cause == "conflict",
        can_restore=can_go_back(state.swarm, task, attempt),
    )


def after_success(
    state: RunState, task: Task, ended: AttemptEnded, sent: Sequence[HandoffSent], heir: Task | None
) -> list[Event]:
    """The locks that the task with its desktop needs too go on with it; the others are free."""
    return [ended, *releases(task, ended.attempt, heir), *sent, task_ended(state, task, "succeeded")]


def after_ruling(
    state: RunState, task: Task, case: Case, ruling: Ruling, accepted: Sequence[HandoffSent] = ()
) -> list[Event]:
    """The ruling, and what it sets going; `accepted` is handed on where a person lets the outputs pass."""
    match ruling.answer:
        case "person":
            return [ruling, _question(state, task, case)]
        case "accept":
            return [ruling, *accepted, task_ended(state, task, "succeeded", ruling.reason)]
        case "abort_branch" | "abort_run":
            return [ruling, task_ended(state, task, "failed", case.failure.reason)]
    return [ruling]


def releases(task: Task, attempt: int, heir: Task | None = None) -> list[Event]:
    shared = set(heir.locks) if heir else set()
    to = heir.id if heir else None
    return [
        LockReleased(task=task.id, attempt=attempt, lock=lock, to=to if lock in shared else None)
        for lock in task.locks
    ]


def task_ended(state: RunState, task: Task, status: str, reason: str = "") -> TaskEnded:
    ended = {"task": task.id, "status": status, "reason": reason, "round": state.tasks[task.id].round}
    return TaskEnded.model_validate(ended)


def end_of(task: Task, question: Question, state: RunState) -> AttemptEnded:
    """The end of the attempt that a question is about."""
    return _end_of(task, state.tasks[task.id].attempts[question.asked.attempt - 1])


def _end_of(task: Task, attempt: AttemptState) -> AttemptEnded:
    return AttemptEnded(
        task=task.id,
        attempt=attempt.number,
        status="failed",
        failure=attempt.failure,
        cause=attempt.cause,
        reason=attempt.reason,
    )


def _failure(ended: AttemptEnded, attempt: AttemptState) -> Failure:
    assert ended.failure is not None
    return Failure(
        attempt=ended.attempt,
        kind=ended.failure,
        cause=ended.cause,
        reason=ended.reason[:MAX_EXCERPT],
        agent=attempt.agent,
        rule=attempt.ruling.rule if attempt.ruling else "",
    )


def _counts(attempt: AttemptState) -> bool:
    """An attempt that was cut off, as when the controller died, is nobody's failure."""
    return attempt.failure not in (None, "cancelled")


def _question(state: RunState, task: Task, case: Case) -> Asked:
    escalation = escalation_of(state, task)
    failure = case.failure
    findings = [f"{one.subject}: {one.detail}" for one in case.findings if not one.ok]
    earlier = [f"attempt {one.attempt}: {one.kind} {one.cause}: {one.reason}" for one in case.earlier]
    return Asked(
        task=task.id,
        attempt=failure.attempt,
        number=1 + sum(key[:2] == (task.id, failure.attempt) for key in state.coordination.questions),
        about="failure",
        question=f"Attempt {failure.attempt} at {task.id} failed ({failure.kind} {failure.cause}). What now?",
        context="\n".join([case.instruction, failure.reason, *findings, *earlier]),
        choices=choices_for(case),
        default=escalation.default,
        path=escalation.path,
    )
