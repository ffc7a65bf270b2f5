"""The one protocol every agent follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from runner.actions import Action
from sandboxes.errors import DeskswarmError
from sandboxes.observation import Observation
from sandboxes.spec import Model, Name

MAX_ASKED = 10  # questions of one attempt to a person


class AgentError(DeskswarmError):
    """An agent broke its side of the protocol, or ended before its task did."""


class Usage(Model):
    """What a decision cost, as the agent's provider counts it."""

    tokens: int = Field(default=0, ge=0)
    money: float = Field(default=0, ge=0, allow_inf_nan=False, description="US dollars")

    def __add__(self, other: Usage) -> Usage:
        return Usage(tokens=self.tokens + other.tokens, money=self.money + other.money)


Read = Annotated[tuple[Name, ...], Field(max_length=100)]
"""The inputs the agent acknowledges to have read."""

Questions = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=2000)], ...], Field(max_length=50)]


class Act(Model):
    """Carry these out, in order, stopping at the first that fails."""

    say: Literal["act"] = "act"
    actions: tuple[Action, ...] = Field(min_length=1, max_length=100)
    note: str = Field(default="", max_length=20_000)
    read: Read = ()
    usage: Usage = Usage()


class Look(Model):
    """Show the screen as it is now: nothing is done, and no step is taken."""

    say: Literal["look"] = "look"
    note: str = Field(default="", max_length=20_000)
    usage: Usage = Usage()


class Done(Model):
    """The agent holds its task to be done; the validator rules on it.

    `brief` and `questions` are for the agents that go on from here; a brief over its limit is refused.
    """

    say: Literal["done"] = "done"
    note: str = Field(default="", max_length=20_000)
    brief: str = Field(default="", max_length=100_000)
    questions: Questions = ()
    read: Read = ()
    usage: Usage = Usage()


class Failed(Model):
    """The agent gives up, its model refuses, a person forbids what it wants, or its answers make no sense."""

    say: Literal["failed"] = "failed"
    reason: str = Field(max_length=20_000)
    cause: Literal["gave_up", "refused", "safety_check", "malformed"] = "gave_up"
    usage: Usage = Usage()


class Ask(Model):
    """A question for a person. Without `choices` any text is an answer; `default` is it if nobody answers."""

    say: Literal["ask"] = "ask"
    question: str = Field(min_length=1, max_length=20_000)
    context: str = Field(default="", max_length=20_000)
    choices: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        default=(), max_length=20
    )
    default: str = Field(max_length=2000)
    usage: Usage = Usage()

    @model_validator(mode="after")
    def _default_is_a_choice(self) -> Self:
        if self.choices and self.default not in self.choices:
            raise ValueError(f"default: {self.default!r} is none of the choices")
        return self


Decision = Annotated[Act | Look | Done | Failed, Field(discriminator="say")]
"""What a session carries out."""

Reply = Annotated[Act | Look | Done | Failed | Ask, Field(discriminator="say")]
"""What an agent may say; a question is answered before the session hears of it (runner.briefed)."""


class Briefing(Model):
    """What a task before hands on, besides files: `inputs` are the names of those that come from it."""

    sender: Name
    intent: str
    brief: str
    inputs: tuple[Name, ...]
    questions: tuple[str, ...]


class PersonsAnswer(Model):
    """The answer to an agent's question; `by` is `default` where nobody answered in time."""

    question: str
    choice: str
    note: str
    by: str


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
    results of the actions asked for last: those after the first that failed were not tried. `briefings` are
    what the tasks before hand on; `answer` is to the question the agent has just asked. `before` counts the
    steps that an earlier attempt took on this desktop, which outlived its controller.
    """

    instruction: str
    step: int
    inputs: Mapping[str, str]
    last: tuple[ActionResult, ...]
    budget: BudgetLeft
    observation: Observation
    briefings: tuple[Briefing, ...] = ()
    answer: PersonsAnswer | None = None
    before: int = 0


class Decider(Protocol):
    """What a session needs of an agent."""

    async def decide(self, view: View) -> Decision: ...


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

    async def decide(self, view: View) -> Reply:
        """The next thing to do; cancelled when the attempt's time is up. Raises AgentError."""
        ...


class PlainAgent:
    """What agents share that open nothing and write nothing beside their decisions."""

    log: bytes = b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
