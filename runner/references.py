"""What the journal names in the artifact store, and where it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.artifacts import ArtifactStore, Sha256
from runner.checkpoints import read_checkpoint
from runner.events import AttemptEnded, CheckpointTaken, Event, InputPlaced, OutputKept, TaskReused
from runner.frames import read_tiles
from runner.journal import Record


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run something is named: `what` is `checkpoint`, `output NAME` and the like."""

    run: str
    task: str
    attempt: int
    step: int | None
    what: str

    def __str__(self) -> str:
        step = "" if self.step is None else f" step {self.step + 1}"
        return f"{self.run} {self.task}#{self.attempt}{step}: {self.what}"


@dataclass(frozen=True, slots=True)
class Reference:
    place: Place
    digest: Sha256


def references(record: Record) -> Iterator[Reference]:
    """Every object an event names. A checkpoint names more: its frame, its tree and the one before it."""
    event = record.event
    step = event.step if isinstance(event, CheckpointTaken) else None
    for what, digest in _named(event):
        yield Reference(Place(record.run, event.task, event.attempt, step, what), digest)


def named_in_turn(store: ArtifactStore, what: str, digest: Sha256) -> Iterator[Sha256]:
    """The objects that an object of that kind (a `Place.what`) names. Raises InfraError where it cannot be
    read."""
    if what == "checkpoint":
        yield read_checkpoint(store, digest).screen.tree
    elif what == "frame":
        yield from dict.fromkeys(read_tiles(store, digest)[2])


def _named(event: Event) -> Iterator[tuple[str, Sha256]]:
    match event:
        case CheckpointTaken():
            yield "checkpoint", event.sha256
            yield "frame", event.screenshot
        case InputPlaced():
            yield f"input {event.file.name}", event.file.sha256
        case OutputKept():
            yield f"output {event.file.name}", event.file.sha256
        case TaskReused():
            for name, kept in event.outputs.items():
                yield f"output {name}", kept.sha256
        case AttemptEnded():
            for name, digest in event.evidence.items():
                yield f"evidence {name}", digest
