"""A run as it goes, one line an event: what `watch` prints, and `run` where there is no terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from runner.artifacts import ArtifactStore
from runner.checkpoints import Executed, read_checkpoint
from runner.cli.between import between_in_words
from runner.cli.output import one_line
from runner.events import (
    AttemptEnded,
    AttemptStarted,
    CheckpointTaken,
    ConnectionEnded,
    DesktopAwaited,
    DesktopLeased,
    Event,
    OutputKept,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskReused,
    VerdictGiven,
)
from runner.journal import Record
from runner.replay.describe import describe


@dataclass
class Lines:
    """Writes the lines. `take` is given the records of one run, in order."""

    store: ArtifactStore
    out: TextIO
    started_at: float = 0.0

    def take(self, record: Record) -> None:
        if isinstance(record.event, RunStarted):
            self.started_at = record.at
        text = self._text(record)
        if text:
            place = (
                f"{record.event.task}#{record.event.attempt}" if record.event.attempt else record.event.task
            )
            after = f"{record.at - self.started_at:7.1f}s"
            print("  ".join(filter(None, (after, place, one_line(text, 300)))), file=self.out, flush=True)

    def _text(self, record: Record) -> str:
        match record.event:
            case RunStarted() as event:
                return f"{record.run}: {event.swarm.name}, {len(event.swarm.tasks)} tasks on {event.backend}"
            case CheckpointTaken() as event:
                return f"step {event.step + 1}: {step_in_words(self.store, event)}"
            case event:
                return _in_words(event)


def _in_words(event: Event) -> str:
    match event:
        case AttemptStarted():
            return "waits for its desktop"
        case DesktopAwaited():
            return f"waits for room, place {event.place} in the line: {event.reason}"
        case DesktopLeased():
            return f"works on {event.desktop}"
        case ConnectionEnded() if not event.allowed:
            return f"was refused a connection: {event.reason}"
        case OutputKept():
            return f"left {event.file.name}, {event.file.bytes} bytes"
        case VerdictGiven() if event.judge:
            return f"judge {event.judge}: {'passed' if event.passed else 'did not pass'}"
        case VerdictGiven():
            failed = [finding.subject for finding in event.findings if not finding.ok]
            return "passed its checks" if event.passed else f"did not pass: {', '.join(failed)}"
        case AttemptEnded():
            kind = f" ({event.failure})" if event.failure else ""
            return f"{event.status}{kind}" + (f": {event.reason}" if event.reason else "")
        case TaskReused():
            return f"need not be done: attempt {event.did} in {event.run} did the same"
        case TaskEnded() if event.status == "blocked":
            return f"blocked: {event.reason}"
        case RunEnded():
            return event.status + (f": {event.reason}" if event.reason else "")
    return between_in_words(event)


def step_in_words(store: ArtifactStore, event: CheckpointTaken) -> str:
    """The last action of a step, and the error of a failed one."""
    if event.say != "act":
        return {"look": "looks again", "done": "says it is done", "failed": "gives up", None: "ended"}[
            event.say
        ]
    executed = read_checkpoint(store, event.sha256).executed
    return _last_action(executed) if executed else "nothing was carried out"


def _last_action(executed: tuple[Executed, ...]) -> str:
    last = executed[-1]
    before = f"{len(executed) - 1} more, then " if len(executed) > 1 else ""
    return before + describe(last.action) + ("" if last.ok else f" failed: {last.error}")
