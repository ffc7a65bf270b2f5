"""Everything that can happen in a run, as typed events. The journal holds these and nothing else.

`part` tells apart the things that may happen more than once in an attempt; the journal refuses a
second event of the same run, task, attempt, kind and part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from runner.agents.base import Usage
from runner.artifacts import Sha256
from runner.plan import Plan
from runner.spec import Swarm
from sandboxes.errors import FailureKind
from sandboxes.spec import Model, Name

EndStatus = Literal["succeeded", "failed", "cancelled"]


class RunEvent(Model):
    """Base of all events."""

    task: str = ""
    attempt: int = Field(default=0, ge=0)

    @property
    def part(self) -> str:
        return ""


class TaskEvent(RunEvent):
    task: Name


class AttemptEvent(TaskEvent):
    attempt: int = Field(ge=1)


class Kept(Model):
    """A file as it passed into or out of a desktop: its path there, and its bytes by hash."""

    name: Name
    path: str
    sha256: Sha256
    bytes: int = Field(ge=0)


class Finding(Model):
    """What the validator found of one thing: `output NAME` or `check N: KIND`, N from 0."""

    subject: str
    ok: bool
    detail: str = ""
    facts: dict[str, JsonValue] = Field(default_factory=dict, description="the values found")


class RunStarted(RunEvent):
    kind: Literal["run_started"] = "run_started"
    swarm: Swarm
    plan: Plan
    backend: str
    controller: str = Field(description="the process that runs it, as sandboxes.owner.Owner writes itself")


class AttemptStarted(AttemptEvent):
    kind: Literal["attempt_started"] = "attempt_started"


class DesktopAwaited(AttemptEvent):
    """The machine has no room for the attempt's desktop yet; `place` is its place in the line, from 1."""

    kind: Literal["desktop_awaited"] = "desktop_awaited"
    place: int = Field(ge=1)
    reason: str


class DesktopLeased(AttemptEvent):
    """The desktop is up and the attempt's own. The lease's token is a secret and is not here."""

    kind: Literal["desktop_leased"] = "desktop_leased"
    desktop: str
    epoch: int = Field(ge=1)


class InputPlaced(AttemptEvent):
    kind: Literal["input_placed"] = "input_placed"
    file: Kept

    @property
    def part(self) -> str:
        return self.file.name


class ConnectionEnded(AttemptEvent):
    """A program on the desktop asked for the network, and got it or not (`sandboxes.egress.proxy`).

    `number` counts the attempt's connections from 1, in the order of their ends.
    """

    kind: Literal["connection"] = "connection"
    number: int = Field(ge=1)
    host: str = Field(description="as the program named it; '' where that could not be read")
    port: int
    address: str = Field(description="what it was connected to, or ''")
    allowed: bool
    reason: str = Field(description="why it was refused, or cut off")
    sent: int = Field(ge=0, description="bytes, by the desktop")
    received: int = Field(ge=0)
    seconds: float = Field(ge=0)

    @property
    def part(self) -> str:
        return str(self.number)


class CheckpointTaken(AttemptEvent):
    """A checkpoint (runner.checkpoints) is in the artifact store, as is the screenshot it shows.

    `say` is what the agent decided, or None where it came to no decision; `executed` is how many actions
    were tried.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    step: int = Field(ge=0)
    sha256: Sha256
    screenshot: Sha256
    say: Literal["act", "done", "failed"] | None
    executed: int = Field(ge=0)
    usage: Usage

    @property
    def part(self) -> str:
        return str(self.step)


class OutputKept(AttemptEvent):
    """Kept as evidence; it is handed on only once the attempt's verdict has passed."""

    kind: Literal["output_kept"] = "output_kept"
    file: Kept

    @property
    def part(self) -> str:
        return self.file.name


class VerdictGiven(AttemptEvent):
    """The validator's ruling on what an attempt left behind."""

    kind: Literal["verdict"] = "verdict"
    passed: bool
    findings: tuple[Finding, ...]


class AttemptEnded(AttemptEvent):
    """`failure` is None for a success; `evidence` maps a name, as `guest_log`, to a blob."""

    kind: Literal["attempt_ended"] = "attempt_ended"
    status: EndStatus
    failure: FailureKind | None = None
    reason: str = ""
    evidence: dict[str, Sha256] = Field(default_factory=dict)


class Ruling(AttemptEvent):
    """The arbitrator's answer to a failed attempt."""

    kind: Literal["ruling"] = "ruling"
    answer: Literal["retry", "give_up"]
    reason: str


class TaskEnded(TaskEvent):
    """A task is over for good. `blocked`: a task it needs was not done, so it never started."""

    kind: Literal["task_ended"] = "task_ended"
    status: Literal["succeeded", "failed", "blocked"]
    reason: str = ""


class RunEnded(RunEvent):
    kind: Literal["run_ended"] = "run_ended"
    status: EndStatus
    reason: str = ""


Event = Annotated[
    RunStarted
    | AttemptStarted
    | DesktopAwaited
    | DesktopLeased
    | InputPlaced
    | ConnectionEnded
    | CheckpointTaken
    | OutputKept
    | VerdictGiven
    | AttemptEnded
    | Ruling
    | TaskEnded
    | RunEnded,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

Recorder = Callable[[Event], Awaitable[None]]
"""Makes an event a fact: returns once it is in the journal."""
