"""The one protocol every agent follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field

from runner.actions import Action
from sandboxes.errors import DeskswarmError
from sandboxes.observation import Observation
from sandboxes.spec import Model


class AgentError(DeskswarmError):
    """An agent broke its side of the protocol, or ended before its task did."""


class Usage(Model):
    """What a decision cost, as the agent's provider counts it."""

    tokens: int = Field(default=0, ge=0)
    money: float = Field(default=0, ge=0, allow_inf_nan=False, description="US dollars")

    def __add__(self, other: Usage) -> Usage:
        return Usage(tokens=self.tokens + other.tokens, money=self.money + other.money)


class Act(Model):
    """Carry these out, in order, stopping at the first that fails."""

    say: Literal["act"] = "act"
    actions: tuple[Action, ...] = Field(min_length=1, max_length=100)
    note: str = Field(default="", max_length=20_000)
    usage: Usage = Usage()


class Done(Model):
    """The agent holds its task to be done; the validator rules on it."""

    say: Literal["done"] = "done"
    note: str = Field(default="", max_length=20_000)
    usage: Usage = Usage()


class Failed(Model):
    """The agent gives up."""

    say: Literal["failed"] = "failed"
    reason: str = Field(max_length=20_000)
    usage: Usage = Usage()


Decision = Annotated[Act | Done | Failed, Field(discriminator="say")]


class BudgetLeft(Model):
    """What is left of a budget; None where there is no limit."""

    steps: int
    wall_s: float
    tokens: int | None
    money: float | None


class ActionResult(Model):
    """What became of one action the agent asked for."""

    ok: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What an agent is shown before each decision.

    `step` counts from 0, `inputs` maps an input's name to its path on the desktop, and `last` has the
    results of the actions asked for last: those after the first that failed were not tried.
    """

    instruction: str
    step: int
    inputs: Mapping[str, str]
    last: tuple[ActionResult, ...]
    budget: BudgetLeft
    observation: Observation


class Agent(Protocol):
    """One agent at work on one attempt: made for it, and used as an async context manager."""

    @property
    def log(self) -> bytes:
        """The end of what the agent wrote beside its decisions: evidence of a failure."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def decide(self, view: View) -> Decision:
        """The next thing to do; cancelled when the attempt's time is up. Raises AgentError."""
        ...
