"""What a replay page shows, ready to be drawn; the page's scripts read exactly this. Times are seconds.

Lists that grow little from step to step are kept as changes. A frame is the list of its tiles, in rows from
the top left; a tile is a number, counted through all sheets. A tree is the list of its rows, a row is a
number in `Page.nodes`. Every frame and every tree is given as its change from the one before it in the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from sandboxes.spec import Model

Point = tuple[int, int]
Change = tuple[tuple[int, int, tuple[int, ...]], ...]
"""Splices, to be done from the last to the first: where, how many go, and what comes."""

NodeRow = tuple[int, int, str, str, str, str, tuple[int, int, int, int] | None, str]
"""Key (one for each object, for as long as it lives), depth, role, name, text, states, place, application."""


class Frame(Model):
    width: int
    height: int
    change: Change


class Deed(Model):
    """One action that was asked for, and what became of it.

    `emitted` are the points the agent gave, `executed` those where input went: one, or the way of a drag.
    """

    verb: str
    detail: str = ""
    emitted: tuple[Point, ...] = ()
    executed: tuple[Point, ...] = ()
    node: int | None = Field(default=None, description="the row of the step's tree that was acted on")
    ok: bool | None = Field(default=True, description="None where it was never tried")
    error: str | None = None
    took_s: float = 0


class ShownWindow(Model):
    title: str
    application: str
    focused: bool


class Signal(Model):
    """What a guardrail said at a step."""

    kind: str = Field(description="`warned` or `refused`")
    by: str
    text: str


class Times(Model):
    look: float = 0
    agent: float = 0
    act: float = 0
    settle: float = 0


class Step(Model):
    frame: int | None = Field(description="a place in `Page.frames`")
    tree: int | None = Field(default=None, description="a place in `Page.trees`")
    at_s: float = Field(description="since the attempt began")
    say: str
    note: str
    emitted: str
    deeds: tuple[Deed, ...]
    windows: tuple[ShownWindow, ...]
    signals: tuple[Signal, ...] = ()
    times: Times = Times()
    tokens: int = 0
    money: float = 0
    cursor: Point | None = None


class CheckResult(Model):
    name: str
    ok: bool
    detail: str = ""


class Artifact(Model):
    name: str
    path: str
    sha256: str
    bytes: int


class Attempt(Model):
    """`summary` is its failure in a paragraph; `telling` is the step to look at first."""

    number: int
    status: str
    kind: str
    reason: str
    summary: str = ""
    telling: int = 0
    steps: tuple[Step, ...]
    checks: tuple[CheckResult, ...]
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]
    facts: tuple[tuple[str, str], ...]


class PlanEdge(Model):
    source: str
    target: str
    artifacts: tuple[str, ...]
    contract: tuple[str, ...]
    mode: str


class Decided(Model):
    """One line of the decision flow; `attempt` is 0 for what is of none."""

    at_s: float | None = Field(description="since the run began")
    attempt: int
    kind: str
    text: str


class Task(Model):
    id: str
    instruction: str
    status: str
    reason: str = ""
    plan: tuple[str, ...] = Field(default=(), description="what it waited for, and what waits for it")
    contract: tuple[str, ...] = ()
    edges: tuple[PlanEdge, ...] = ()
    why: tuple[Decided, ...] = ()
    attempts: tuple[Attempt, ...]


class Run(Model):
    id: str
    name: str
    status: str
    started_at: float
    wall_s: float | None
    tasks: tuple[Task, ...]


class Page(Model):
    """`runs` are one, or two to be compared; `sheets` says how many tiles each sheet holds."""

    runs: tuple[Run, ...]
    frames: tuple[Frame, ...]
    trees: tuple[Change, ...]
    nodes: tuple[NodeRow, ...]
    sheets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A page and its sheets: lossless WebP, a tile below the other."""

    page: Page
    sheets: Sequence[bytes]
