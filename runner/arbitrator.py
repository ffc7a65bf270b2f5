"""The arbitrator: sees one failure or conflict, with only its context, and rules on what follows.

The policy table of the swarm file says which answer the first, second, ... failure of a kind gets. Every
table is finite, and two loops end it sooner: the same failure again and again, and a task that goes back to
an agent which failed at it already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError

from runner.events import Answer, Answered, Finding, Ruling
from runner.rules import OtherAgent, Policy, PolicyAnswer
from runner.spec import Retry
from sandboxes.errors import FailureKind
from sandboxes.spec import Model, Name

MAX_EXCERPT = 4000
_TRIES_AGAIN = ("retry_fresh", "retry_checkpoint", "other_agent")
_SPENT_FOR_ALL = re.compile(r"(task|tier|run)_")
_VARYING = re.compile(r"\b(?:d-)?[0-9a-f]*\d[0-9a-f]*\b", re.IGNORECASE)


class Failure(Model):
    """A failed attempt, as the arbitrator sees it. `agent` is a name, or None for the task's own."""

    attempt: int
    kind: FailureKind
    cause: str = ""
    reason: str = ""
    agent: Name | None = None
    rule: str = Field(default="", description="the rule that answered it")


class Case(Model):
    """One failure with its context, and nothing of the rest of the run. What a policy function is given."""

    task: Name
    instruction: str
    failure: Failure
    findings: tuple[Finding, ...] = Field(default=(), description="of the verdict, where there was one")
    earlier: tuple[Failure, ...] = ()
    agents: tuple[Name, ...] = Field(default=(), description="those the swarm names")
    can_restore: bool = Field(default=False, description="a checkpoint of the desktop can be gone back to")
    can_accept: bool = Field(default=False, description="a person may let the outputs pass as they are")


PolicyFunction = Callable[[Case], object]
"""Says an answer, as one writes it in the policy table, or None for what the table says."""

_ANSWER: TypeAdapter[PolicyAnswer | None] = TypeAdapter(PolicyAnswer | None)


class BadAnswer(ValueError):
    """A policy function said what is no answer."""


def arbitrate(case: Case, policies: Sequence[Policy], retry: Retry) -> Ruling:
    """What the table says. `policies` are the task's own, where it has one, and the swarm's."""
    rule, answers = _rule(case.failure, policies, retry)
    used = sum(earlier.rule == rule for earlier in case.earlier)
    loops = {answer: _loop(case, answer, policies[0]) for answer in answers}
    open_answers = [answer for answer in answers[used:] if not loops[answer]]
    passed_over = next((loops[answer] for answer in answers[used:] if loops[answer]), "")
    said = (
        f"{rule}: answer {min(used + 1, len(answers))} of {len(answers)}" if answers else f"{rule}: no answer"
    )
    if case.failure.kind == "cancelled" or not open_answers:
        return _ruling(case, "abort_branch", rule, f"{said}, none left", passed_over)
    return _ruling(case, open_answers[0], rule, said, passed_over)


def rule_on(case: Case, said: object, policy: Policy) -> Ruling | None:
    """The ruling of a policy function's answer; None where it leaves it to the table. Raises BadAnswer."""
    try:
        answer = _ANSWER.validate_python(said)
    except ValidationError as error:
        raise BadAnswer(f"{said!r:.200} is no answer: {error.errors()[0]['msg']}") from None
    if answer is None:
        return None
    if isinstance(answer, OtherAgent) and answer.other_agent not in case.agents:
        raise BadAnswer(f"no agent is named {answer.other_agent!r}; known: {', '.join(case.agents)}")
    loop = _loop(case, answer, policy)
    if loop:
        return _ruling(
            case, "abort_branch", "python", f"the policy function says {_name(answer)}", loop, "model"
        )
    return _ruling(case, answer, "python", "the policy function says so", by="model")


def rule_by_person(case: Case, answer: Answered, asked: Ruling | None) -> Ruling:
    """The ruling of an answer to a question about the failure. `asked` is the ruling that asked it."""
    name, _, agent = answer.choice.partition(" ")
    reason = f"{answer.by} answered" + (f": {answer.note}" if answer.note else "")
    said = OtherAgent(other_agent=agent) if name == "other_agent" else name
    ruling = _ruling(case, said, asked.rule if asked else "", reason, by=answer.by)
    return ruling.model_copy(update={"question": answer.number})


def choices_for(case: Case) -> tuple[str, ...]:
    """What a person may answer to a failure, as they type it."""
    accept = ["accept"] if case.can_accept else []
    others = [f"other_agent {name}" for name in case.agents if name != case.failure.agent]
    return (*accept, "retry_fresh", "retry_checkpoint", *others, "abort_branch", "abort_run")


def _rule(failure: Failure, policies: Sequence[Policy], retry: Retry) -> tuple[str, tuple[PolicyAnswer, ...]]:
    """The key and the answers of the rule for a failure: the task's before the swarm's, the finer first."""
    for policy in policies:
        for key in (f"{failure.kind}.{failure.cause}", failure.kind):
            if key in policy.answers:
                return key, policy.answers[key]
    allowed = 0 if failure.kind == "cancelled" else getattr(retry, failure.kind)
    retries: list[PolicyAnswer] = ["retry_fresh"] * allowed
    return failure.kind, tuple(retries)


def _loop(case: Case, answer: PolicyAnswer | Literal["accept"], policy: Policy) -> str:
    """Why it would be a loop to answer so; '' where it is none."""
    if _name(answer) not in _TRIES_AGAIN:
        return ""
    if len(case.earlier) + 1 >= policy.max_attempts:
        return f"{policy.max_attempts} attempts were made"
    if _SPENT_FOR_ALL.match(case.failure.cause):
        return f"{case.failure.cause}: a further attempt has no budget either"
    alike = _alike(case)
    if case.failure.kind != "infra" and alike >= policy.same_failure:
        return f"the same failure {alike} times in a row"
    if isinstance(answer, OtherAgent) and any(past.agent == answer.other_agent for past in _all(case)):
        return f"{answer.other_agent} has failed at it already"
    return ""


def _alike(case: Case) -> int:
    """How many failures in a row, up to this one, are the same."""
    count = 0
    for past in reversed(list(_all(case))):
        if _signature(past) != _signature(case.failure):
            break
        count += 1
    return count


def _signature(failure: Failure) -> tuple[str, str, str, str | None]:
    """What makes two failures the same: what differs only in ids and numbers is."""
    return failure.kind, failure.cause, _VARYING.sub("#", failure.reason), failure.agent


def _all(case: Case) -> Iterator[Failure]:
    yield from case.earlier
    yield case.failure


def _name(answer: PolicyAnswer | Literal["accept"]) -> str:
    return "other_agent" if isinstance(answer, OtherAgent) else answer


def _ruling(
    case: Case,
    answer: PolicyAnswer | str,
    rule: str,
    reason: str,
    loop: str = "",
    by: str = "policy",
) -> Ruling:
    if answer == "retry_checkpoint" and not case.can_restore:
        answer, reason = "retry_fresh", f"{reason}; no checkpoint of this desktop can be gone back to"
    agent = answer.other_agent if isinstance(answer, OtherAgent) else case.failure.agent
    name: Answer = _name(answer)  # type: ignore[assignment, arg-type]
    reason = f"{reason}; {loop}" if loop else reason
    return Ruling(
        task=case.task, attempt=case.failure.attempt, answer=name, agent=agent, reason=reason,
        rule=rule, loop=loop, by=by,
    )  # fmt: skip
