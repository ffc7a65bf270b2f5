"""What a replay page shows, ready to be drawn; `page.js` reads exactly this. Times are seconds."""

from __future__ import annotations

from pydantic import Field

from sandboxes.spec import Model

Point = tuple[int, int]
Fact = tuple[str, str]


class Frame(Model):
    """A screenshot and its small copy, as data URLs."""

    width: int
    height: int
    image: str
    thumbnail: str


class Deed(Model):
    """One action that was asked for, and what became of it. Each mark is a point or the way of a drag."""

    verb: str
    detail: str = ""
    marks: tuple[tuple[Point, ...], ...] = ()
    ok: bool | None = Field(default=True, description="None where it was never tried")
    error: str | None = None


class ShownWindow(Model):
    title: str
    application: str
    focused: bool


class Step(Model):
    frame: str | None = Field(description="a key of the page's frames")
    at_s: float = Field(description="since the attempt began")
    say: str
    note: str
    emitted: str
    deeds: tuple[Deed, ...]
    windows: tuple[ShownWindow, ...]
    facts: tuple[Fact, ...]


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
    number: int
    status: str
    kind: str
    reason: str
    steps: tuple[Step, ...]
    checks: tuple[CheckResult, ...]
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]
    facts: tuple[Fact, ...]


class Task(Model):
    id: str
    instruction: str
    status: str
    reason: str = ""
    attempts: tuple[Attempt, ...]


class Run(Model):
    id: str
    name: str
    status: str
    started_at: float
    wall_s: float | None


class Page(Model):
    run: Run
    tasks: tuple[Task, ...]
    frames: dict[str, Frame]
