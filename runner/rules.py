"""What people write about the space between agents: handoffs, answers to failures, questions, locks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.hooks import Function
from sandboxes.spec import Model, Name

HandoffMode = Literal["fresh", "transfer", "fork"]
FailureKey = Annotated[
    str,
    Field(
        pattern=r"^(infra|agent|contract|timeout|budget)(\.[a-z0-9_:.-]{1,100})?$",
        description="a kind of failure, or a kind and a cause, as `agent.repeats`",
    ),
]
Hook = Annotated[str, Field(max_length=1024, pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|https?://\S+)$")]


class Handoff(Model):
    """How a task takes over from one it needs."""

    mode: HandoffMode = Field(
        default="fresh",
        description="`transfer`: the very desktop; `fork`: a copy of it; `fresh`: only files and the brief",
    )
    intent: str = Field(default="", max_length=2000, description="what it is handed on for")
    brief: str | None = Field(
        default=None, max_length=100_000, description="default: what the agent before says when it is done"
    )
    max_tokens: int = Field(
        default=500, ge=1, le=20_000, description="hard limit of the brief; refused where over, never cut"
    )
    questions: tuple[Annotated[str, Field(min_length=1, max_length=2000)], ...] = Field(
        default=(), max_length=50, description="open questions, besides those of the agent before"
    )
    must_read: bool = Field(
        default=False, description="an input from this task that is never read fails the attempt"
    )


class OtherAgent(Model):
    """The task is tried again by another of the swarm's agents, on a fresh desktop."""

    other_agent: Name


PlainAnswer = Literal["retry_fresh", "retry_checkpoint", "person", "abort_branch", "abort_run"]
PolicyAnswer = PlainAnswer | OtherAgent


class Policy(Model):
    """What follows the first, second, ... failure of a kind. After the last answer, the branch ends."""

    answers: dict[FailureKey, Annotated[tuple[PolicyAnswer, ...], Field(max_length=20)]] = Field(
        default_factory=dict,
        description="by kind of failure, or kind and cause (`agent.repeats`), the finer first",
    )
    same_failure: int = Field(
        default=3, ge=1, le=20, description="so often the same failure in a row, other than infra, is a loop"
    )
    max_attempts: int = Field(
        default=25, ge=1, le=200, description="attempts at a task, whatever the answers"
    )
    python: Function | None = Field(
        default=None, description="`module:function` asked before the table; a model, for example"
    )


class Contact(Model):
    """Someone a question goes to, and how long they have before it goes on."""

    to: str = Field(min_length=1, max_length=200, description="a name, for people to read")
    within_s: float = Field(default=3600, gt=0, le=30 * 86_400)
    post: Hook | None = Field(
        default=None, description="a URL the question is posted to, or `env:NAME` where it is a secret"
    )


class Escalation(Model):
    """Whom a question goes to, one after the other, and what happens where nobody answers."""

    path: tuple[Contact, ...] = Field(
        default_factory=lambda: (Contact(to="operator"),),
        min_length=1,
        max_length=20,
        description="default: `operator`, for an hour",
    )
    default: Literal["retry_fresh", "retry_checkpoint", "abort_branch", "abort_run"] = "abort_branch"


class Lock(Model):
    """Something outside that not everybody may use at once: an account, a mailbox, a licence."""

    description: str = Field(default="", max_length=2000)
    holders: int = Field(default=1, ge=1, le=4096, description="so many tasks at once, as seats of a licence")
    hold_s: float = Field(
        default=3600, gt=0, le=86_400, description="an attempt that holds it longer is ended (`timeout.lock`)"
    )
