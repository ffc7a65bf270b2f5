"""The one protocol every agent follows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import ConfigDict, Field
from sandboxes.desktop import Observation

from runner.actions import Action
from sandboxes.spec import Model


class Usage(Model):
    """What a decision cost, as the agent's provider counts it."""

    tokens: int = Field(default=0, ge=0)
    money: float = Field(default=0, ge=0, description="US dollars")


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
    steps: int
    wall_s: float
    tokens: int | None
    money: float | None


class ActionResult(Model):
    """What became of one action the agent asked for."""

    ok: bool
    error: str | None = None


class View(Model):
    """What an agent is shown before each decision."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    instruction: str
    step: int = Field(description="counts from 0")
    inputs: dict[str, str] = Field(description="input name to its path on the desktop")
    last: tuple[ActionResult, ...] = Field(description="results of the actions asked for last")
    budget: BudgetLeft
    observation: Observation


class Agent(Protocol):
    """One agent at work on one task. Made anew for every attempt; closed when the attempt ends, however."""

    async def decide(self, view: View) -> Decision:
        """The next thing to do."""
        ...

    async def aclose(self) -> None:
        """Free what the agent holds."""
        ...


class AgentFactory(Protocol):
    """Makes the agent for one attempt; `folder` is the folder of the swarm file."""

    def __call__(self, folder: Path) -> Agent: ...
