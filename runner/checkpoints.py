"""Checkpoints: one for each time the agent looked, with what it decided and what came of it.

A checkpoint is a JSON object that names its frame, its tree and the checkpoint before it by hash, so the last
hash of an attempt vouches for all of it. All three are on disk before the event that names them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anyio import to_thread
from pydantic import Field, ValidationError

from runner.actions import Action
from runner.agents.base import Decision, Usage
from runner.artifacts import ArtifactStore, Batch, Series, Sha256, sha256
from runner.events import ActIntended, CheckpointTaken, Recorder
from runner.frames import FrameSeries
from runner.redaction.screen import Redaction
from runner.trees import TreeSeries, encode_tree
from sandboxes.errors import InfraError
from sandboxes.guest.protocol import Point, Window
from sandboxes.observation import Observation
from sandboxes.spec import Model


class Executed(Model):
    """One action as it was carried out. `points` are where input went on the screen, in order: one for a
    click, the whole way for a drag, none for keys. `took_s` includes waiting for its target."""

    action: Action
    points: tuple[Point, ...] = ()
    ok: bool
    error: str | None = None
    took_s: float = Field(ge=0)


class Screen(Model):
    """What the agent saw: `frame` is for `runner.frames.read_frame`, `tree` for `runner.trees.read_tree`;
    `focus` is a window's id."""

    frame: Sha256
    tree: Sha256
    width: int
    height: int
    windows: tuple[Window, ...]
    focus: int | None
    cursor: Point
    taken_at: float


@dataclass(slots=True)
class Timings:
    """Seconds spent looking, deciding, acting, and waiting for the screen to come to rest."""

    look_s: float = 0
    agent_s: float = 0
    act_s: float = 0
    settle_s: float = 0


class Checkpoint(Model):
    """The screen, the decision on it, and what was done.

    `decision` is None where the session ended first; `executed` is shorter than what was decided where an
    action failed or the desktop was lost.
    """

    run: str
    task: str
    attempt: int
    step: int = Field(ge=0)
    previous: Sha256 | None
    screen: Screen
    decision: Decision | None
    executed: tuple[Executed, ...]
    timings: Timings


@dataclass(slots=True)
class Draft:
    """A checkpoint in the making. `shown` has the hashes of what was seen, where less of it was kept."""

    seen: Observation
    timings: Timings
    decision: Decision | None = None
    executed: list[Executed] = field(default_factory=list)
    shown: tuple[Sha256, Sha256] | None = None


class Trail:
    """The checkpoints of one attempt, written one after the other."""

    def __init__(
        self,
        store: ArtifactStore,
        record: Recorder,
        run: str,
        task: str,
        attempt: int,
        redaction: Redaction | None = None,
    ) -> None:
        self.steps = 0
        self.redaction = redaction or Redaction()
        self._store = store
        self._record = record
        self._place = (run, task, attempt)
        self._last: Sha256 | None = None
        self._kept = _Kept()

    async def intend(self, number: int, action: Action) -> None:
        """Before an action of the coming checkpoint is carried out: should the controller die in it, that it
        may have been is known."""
        _, task, attempt = self._place
        await self._record(
            ActIntended(task=task, attempt=attempt, step=self.steps, action=number, does=action.do)
        )

    async def add(self, draft: Draft) -> Checkpoint:
        """Write the next checkpoint. Not to be cancelled: the caller shields it."""
        self._last, checkpoint = await to_thread.run_sync(self._keep, draft)
        self.steps += 1
        await self._record(
            CheckpointTaken(
                task=checkpoint.task,
                attempt=checkpoint.attempt,
                step=checkpoint.step,
                sha256=self._last,
                screenshot=checkpoint.screen.frame,
                say=draft.decision.say if draft.decision else None,
                executed=len(draft.executed),
                usage=draft.decision.usage if draft.decision else Usage(),
            )
        )
        return checkpoint

    def _keep(self, draft: Draft) -> tuple[Sha256, Checkpoint]:
        try:
            with self._store.batch() as batch:
                kept = self.redaction.screen(draft.seen)
                if kept is not draft.seen:
                    draft.shown = _hashes(draft.seen)
                screen = self._kept.screen(batch, kept)
                checkpoint = self.redaction.masking.model(self._checkpoint(draft, screen))
                data = checkpoint.model_dump_json().encode()
                return self._kept.checkpoints.put(batch, data), checkpoint
        except BaseException:
            self._kept = _Kept()  # what the next one would be a difference from is not there
            raise

    def _checkpoint(self, draft: Draft, screen: Screen) -> Checkpoint:
        run, task, attempt = self._place
        return Checkpoint(
            run=run,
            task=task,
            attempt=attempt,
            step=self.steps,
            previous=self._last,
            screen=screen,
            decision=draft.decision,
            executed=tuple(draft.executed),
            timings=draft.timings,
        )


@dataclass(slots=True)
class _Kept:
    """What the next checkpoint is kept as a difference from."""

    frames: FrameSeries = field(default_factory=FrameSeries)
    trees: TreeSeries = field(default_factory=TreeSeries)
    checkpoints: Series = field(default_factory=Series)

    def screen(self, batch: Batch, seen: Observation) -> Screen:
        """Put what was seen."""
        return Screen(
            frame=self.frames.put(batch, seen.screenshot.frame),
            tree=self.trees.put(batch, seen.tree),
            width=seen.screenshot.width,
            height=seen.screenshot.height,
            windows=seen.windows,
            focus=next((window.id for window in seen.windows if window.focused), None),
            cursor=seen.cursor,
            taken_at=seen.taken_at,
        )


def _hashes(seen: Observation) -> tuple[Sha256, Sha256]:
    return sha256(seen.screenshot.frame.pixels.tobytes()), sha256(encode_tree(seen.tree))


def read_checkpoint(store: ArtifactStore, sha256: Sha256) -> Checkpoint:
    """Raises InfraError for one that is missing or damaged."""
    try:
        return Checkpoint.model_validate_json(store.get(sha256))
    except ValidationError as error:
        raise InfraError(f"object {sha256} is no checkpoint: {error}") from error


def read_chain(store: ArtifactStore, last: Sha256) -> list[Checkpoint]:
    """All checkpoints of an attempt, the first first, following the hashes back from the last."""
    chain: list[Checkpoint] = []
    link: Sha256 | None = last
    while link is not None:
        chain.append(read_checkpoint(store, link))
        link = chain[-1].previous
    return chain[::-1]
