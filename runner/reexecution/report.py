"""What re-execution found, step by step: for people, and as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.reexecution.aim import Moved
from runner.reexecution.compare import Level
from sandboxes.guest.protocol import Rect
from sandboxes.spec import Model


class StepResult(Model):
    """One step: how alike the screens were before it, and what became of its actions.

    `passing` says that they differed, and that one of the looks may have been at a screen about to change:
    then the next look decides.
    """

    step: int = Field(ge=0)
    does: str
    level: Level
    passing: bool = False
    pixels: int = Field(default=0, ge=0, description="that differ, outside regions that always change")
    waited_s: float = Field(ge=0)
    moved: tuple[Moved, ...] = ()
    note: str = ""


class Divergence(Model):
    """The first real difference. `regions` are where the screens differ, the largest first."""

    step: int = Field(ge=0)
    reasons: tuple[str, ...]
    regions: tuple[Rect, ...]
    picture: str | None = Field(default=None, description="the file with both screens, where one was written")


class OutputResult(Model):
    """An output that the recorded attempt left, and whether this one left the same bytes."""

    name: str
    same: bool
    detail: str


class Report(Model):
    run: str
    task: str
    attempt: int
    backend: str
    verdict: Literal["same", "diverged"]
    steps: tuple[StepResult, ...]
    divergence: Divergence | None = None
    always_changing: tuple[Rect, ...] = Field(default=(), description="regions that were not compared")
    outputs: tuple[OutputResult, ...] = ()

    @property
    def moved(self) -> list[Moved]:
        return [move for step in self.steps for move in step.moved]
