"""What people write: a swarm of tasks, in YAML or in Python."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.actions import Action
from runner.checks.spec import Check
from sandboxes.spec import DesktopSpec, Model, Name

DesktopPath = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^(~|/)")]


class ScriptAgent(Model):
    """Steps carried out one after the other; no model needed."""

    kind: Literal["script"]
    steps: tuple[Action, ...] = Field(min_length=1, max_length=2000)


class ProcessAgent(Model):
    """Any program that speaks JSON lines on its standard input and output (docs/process-agents.md)."""

    kind: Literal["process"]
    command: tuple[str, ...] = Field(min_length=1, description="relative paths count from the swarm file")
    screenshots: bool = Field(default=True, description="each view names a PNG the program may read")


AgentSpec = Annotated[ScriptAgent | ProcessAgent, Field(discriminator="kind")]


class Input(Model):
    """A file put on the desktop before the agent starts: from beside the swarm file, or another task's."""

    file: str | None = None
    artifact: str | None = Field(default=None, description="`TASK.OUTPUT`; the task waits for that one")
    to: DesktopPath


class Output(Model):
    """A file the task must leave behind; kept as an artifact, and handed on only after a verdict."""

    path: DesktopPath
    max_bytes: int = Field(default=64 << 20, gt=0)


class Budget(Model):
    """Hard stops of one attempt."""

    steps: int = Field(default=200, ge=1, le=100_000)
    wall_s: float = Field(default=600, gt=0, le=86_400)
    tokens: int | None = Field(default=None, ge=1)
    money: float | None = Field(default=None, gt=0, description="US dollars")


class Retry(Model):
    """How many further attempts a failure of each kind may cost; always on a fresh desktop."""

    infra: int = Field(default=2, ge=0, le=20)
    agent: int = Field(default=0, ge=0, le=20)
    contract: int = Field(default=0, ge=0, le=20)
    timeout: int = Field(default=0, ge=0, le=20)
    budget: int = Field(default=0, ge=0, le=20)


class Task(Model):
    """One agent's work on one desktop."""

    id: Name
    instruction: str = Field(min_length=1, max_length=20_000)
    agent: str | AgentSpec = Field(description="the name of one of the swarm's agents, or an agent")
    desktop: DesktopSpec = DesktopSpec()
    after: tuple[Name, ...] = ()
    inputs: dict[Name, Input] = Field(default_factory=dict)
    outputs: dict[Name, Output] = Field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    budget: Budget = Budget()
    retry: Retry = Retry()


class Swarm(Model):
    """A set of tasks to run; each on a desktop of its own."""

    name: Name
    description: str = ""
    agents: dict[Name, AgentSpec] = Field(default_factory=dict)
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=100_000)
    parallel: int = Field(default=4, ge=1, le=4096, description="tasks at once")
