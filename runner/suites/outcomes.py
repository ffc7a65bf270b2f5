"""What became of each trial: passed, failed, or not scored, and why. A view of a run's state."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean
from typing import Literal

from pydantic import Field

from runner.osworld.spec import LeftOut, Need
from runner.outcome import EVALUATOR
from runner.spec import Task
from runner.state import AttemptState, RunState, TaskState
from runner.suites.trials import REPEAT, TASK
from sandboxes.spec import Model

Outcome = Literal["passed", "failed", "not_scored"]
Cause = Literal["", "infra", "evaluator", "agent_crashed", "budget", "refused", "cancelled", "not_run"] | Need
REFUSED = frozenset(("refused", "safety_check"))
"""The model would not, or a person did not consent to what its provider wanted a person to look at."""


class TrialAttempt(Model):
    """One attempt at one trial. `cause` says why it has no score; `reason` is the run's own words."""

    repeat: int
    attempt: int
    outcome: Outcome
    cause: Cause = ""
    reason: str = ""
    steps: int = Field(ge=0)
    wall_s: float | None
    tokens: int = Field(ge=0)
    money: float = Field(ge=0, description="US dollars")


class Trial(Model):
    """One repeat of a task; its outcome is that of its last attempt."""

    repeat: int
    outcome: Outcome
    cause: Cause


class ScoredTask(Model):
    """A task over all its repeats. `score` is the share of those with a score that passed, None without any;
    `mixed` are those of which some passed and some failed. `reason` says why it was left out, if it was."""

    id: str
    outcome: Literal["passed", "failed", "mixed", "not_scored"]
    score: float | None
    cause: Cause
    attempts: tuple[TrialAttempt, ...]
    labels: dict[str, str]
    trials: tuple[Trial, ...]
    reason: str = ""

    @property
    def passed(self) -> int:
        return sum(trial.outcome == "passed" for trial in self.trials)

    @property
    def scored(self) -> int:
        return sum(trial.outcome != "not_scored" for trial in self.trials)


def scored_tasks(state: RunState) -> list[ScoredTask]:
    """In the order of the suite; last, those that were left out of it."""
    by_task: dict[str, list[Task]] = {}
    for task in state.swarm.tasks:
        by_task.setdefault(task.labels.get(TASK, task.id), []).append(task)
    return [
        *(_scored(name, repeats, state) for name, repeats in by_task.items()),
        *(_left_out(name, one) for name, one in state.swarm.left_out.items()),
    ]


def _left_out(name: str, one: LeftOut) -> ScoredTask:
    return ScoredTask(
        id=name,
        outcome="not_scored",
        score=None,
        cause=one.cause,
        attempts=(),
        labels=one.labels,
        trials=(),
        reason=one.reason,
    )


def _scored(name: str, repeats: list[Task], state: RunState) -> ScoredTask:
    attempts: list[TrialAttempt] = []
    trials: list[Trial] = []
    for task in repeats:
        number = int(task.labels.get(REPEAT, "1"))
        made = [_attempt(number, attempt) for attempt in state.tasks[task.id].attempts]
        attempts += made
        outcome, cause = _of_trial(state.tasks[task.id], made)
        trials.append(Trial(repeat=number, outcome=outcome, cause=cause))
    scores = [trial.outcome == "passed" for trial in trials if trial.outcome != "not_scored"]
    return ScoredTask(
        id=name,
        outcome=_overall(scores),
        score=mean(scores) if scores else None,
        cause=next((trial.cause for trial in trials if trial.cause), ""),
        attempts=tuple(attempts),
        labels=dict(_own_labels(repeats[0])),
        trials=tuple(trials),
    )


def _own_labels(task: Task) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in task.labels.items() if name not in (TASK, REPEAT))


def _overall(scores: list[bool]) -> Literal["passed", "failed", "mixed", "not_scored"]:
    if not scores:
        return "not_scored"
    if all(scores):
        return "passed"
    return "mixed" if any(scores) else "failed"


def _of_trial(task: TaskState, made: list[TrialAttempt]) -> tuple[Outcome, Cause]:
    if task.reused is not None:
        return "passed", ""
    if not made:
        return "not_scored", "cancelled" if task.status == "cancelled" else "not_run"
    return made[-1].outcome, made[-1].cause


def _attempt(repeat: int, attempt: AttemptState) -> TrialAttempt:
    outcome, cause = judge_attempt(attempt)
    return TrialAttempt(
        repeat=repeat,
        attempt=attempt.number,
        outcome=outcome,
        cause=cause,
        reason=attempt.reason,
        steps=attempt.steps,
        wall_s=None if attempt.ended_at is None else round(attempt.ended_at - attempt.started_at, 3),
        tokens=attempt.usage.tokens,
        money=attempt.usage.money,
    )


def judge_attempt(attempt: AttemptState) -> tuple[Outcome, Cause]:
    """A failure counts against the agent only where it is the agent's: a check it did not pass, that it gave
    up, or that a monitor stopped it."""
    match attempt.status, attempt.failure:
        case "succeeded", _:
            return "passed", ""
        case "running", _:
            return "not_scored", "not_run"
        case _, "contract":
            return ("not_scored", "evaluator") if attempt.cause == EVALUATOR else ("failed", "")
        case _, "agent" if attempt.cause in REFUSED:
            return "not_scored", "refused"
        case _, "agent":
            return ("failed", "") if attempt.cause else ("not_scored", "agent_crashed")
        case _, "budget" | "timeout":
            return "not_scored", "budget"
        case _, "infra":
            return "not_scored", "infra"
    return "not_scored", "cancelled"
