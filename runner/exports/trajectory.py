"""A run as JSON lines, one for each step: what was seen, decided and done. docs/exports.md has the fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from runner.agents.base import Decision, Usage
from runner.artifacts import ArtifactStore, Sha256
from runner.checkpoints import Checkpoint, Executed, Timings
from runner.exports.recording import Recording
from runner.frames import read_frame
from runner.trees import read_tree
from sandboxes.errors import FailureKind
from sandboxes.guest.protocol import Point, Window
from sandboxes.spec import Model, Name, Screen
from sandboxes.text_tree import tree_text

FORMAT = 1


class Seen(Model):
    """What the agent saw. `frame` and `tree` are names in the store, `image` a file in the folder of frames,
    `text` the accessibility tree as text, cut after some 4000 tokens; None where they were not asked for."""

    frame: Sha256
    image: str | None
    tree: Sha256
    text: str | None
    width: int
    height: int
    cursor: Point
    windows: tuple[Window, ...]
    focus: int | None
    taken_at: float


class Line(Model):
    """One step. `status` and `failure` are what became of the whole attempt; `step` counts from 0."""

    format: Literal[1] = 1
    run: str
    swarm: Name
    task: Name
    instruction: str
    attempt: int = Field(ge=1)
    status: str
    failure: FailureKind | None
    step: int = Field(ge=0)
    observation: Seen
    decision: Decision | None
    executed: tuple[Executed, ...]
    timings: Timings
    usage: Usage


def trajectory(
    recordings: Iterable[Recording], store: ArtifactStore, *, trees: bool, frames: Path | None
) -> Iterator[Line]:
    """A line for each step, in order; with `frames`, a PNG of each screen is put into that folder, once.

    Raises InfraError where something cannot be read, OSError where a picture cannot be written.
    """
    if frames is not None:
        frames.mkdir(parents=True, exist_ok=True)
    for recording in recordings:
        for checkpoint in recording.checkpoints:
            seen = _seen(checkpoint, store, trees, frames)
            yield _line(recording, checkpoint, seen)


def json_line(line: Line) -> str:
    """What a decision cost stands once: as the step's `usage`."""
    data: dict[str, Any] = {"decision": {"usage"}} if line.decision else {}
    return line.model_dump_json(exclude=data)


def _line(recording: Recording, checkpoint: Checkpoint, seen: Seen) -> Line:
    run, attempt, decision = recording.run, recording.attempt, checkpoint.decision
    return Line(
        run=run.id,
        swarm=run.swarm.name,
        task=recording.task.id,
        instruction=recording.task.instruction,
        attempt=attempt.number,
        status=attempt.status,
        failure=attempt.failure,
        step=checkpoint.step,
        observation=seen,
        decision=decision,
        executed=checkpoint.executed,
        timings=checkpoint.timings,
        usage=decision.usage if decision else Usage(),
    )


def _seen(checkpoint: Checkpoint, store: ArtifactStore, trees: bool, frames: Path | None) -> Seen:
    screen = checkpoint.screen
    size = Screen(width=screen.width, height=screen.height)
    return Seen(
        **dict(screen),
        image=None if frames is None else _picture(screen.frame, store, frames),
        text=tree_text(read_tree(store, screen.tree), size).text if trees else None,
    )


def _picture(frame: Sha256, store: ArtifactStore, folder: Path) -> str:
    path = folder / f"{frame}.png"
    if not path.exists():
        path.write_bytes(read_frame(store, frame).png())
    return path.name
