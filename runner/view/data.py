"""What the list of runs shows; `wall.js` reads exactly this."""

from __future__ import annotations

from runner.artifacts import Sha256
from sandboxes.spec import Model


class ListedRun(Model):
    """`done` of its `tasks` have succeeded; `wall_s` is None while it goes on."""

    id: str
    name: str
    status: str
    started_at: float
    wall_s: float | None
    done: int
    tasks: int


class LiveDesktop(Model):
    """A desktop an attempt is at work on: its last frame, after so many steps, and what is being done."""

    run: str
    swarm: str
    task: str
    attempt: int
    desktop: str
    steps: int
    frame: Sha256 | None
    does: str


class Catalogue(Model):
    runs: tuple[ListedRun, ...]
    desktops: tuple[LiveDesktop, ...]
