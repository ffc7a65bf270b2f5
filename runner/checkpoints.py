"""Checkpoints: one for each time the agent looked, with what it decided and what came of it.

A checkpoint is a JSON blob that names its screenshot, its tree and the checkpoint before it by hash, so
the last hash of an attempt vouches for all of it. Blobs are on disk before the event that names them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anyio import to_thread
from pydantic import Field, TypeAdapter

from runner.actions import Action
from runner.agents.base import Decision, Usage
from runner.artifacts import ArtifactStore, Sha256
from runner.events import CheckpointTaken, Recorder
from sandboxes.guest.protocol import Point, Window
from sandboxes.observation import Observation, UiTree
from sandboxes.spec import Model

_TREE: TypeAdapter[UiTree] = TypeAdapter(UiTree)


class Executed(Model):
    """One action as it was carried out. `points` are where input went on the screen, in order: one for a
    click, the whole way for a drag, none for keys. `took_s` includes waiting for its target."""

    action: Action
    points: tuple[Point, ...] = ()
    ok: bool
    error: str | None = None
    took_s: float = Field(ge=0)


class Screen(Model):
    """What the agent saw. `tree` is a JSON blob: `{"nodes": [...], "cut": {...}}`; `focus` a window's id."""

    screenshot: Sha256
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
    """A checkpoint in the making."""

    seen: Observation
    timings: Timings
    decision: Decision | None = None
    executed: list[Executed] = field(default_factory=list)


class Trail:
    """The checkpoints of one attempt, written one after the other."""

    def __init__(self, store: ArtifactStore, record: Recorder, run: str, task: str, attempt: int) -> None:
        self.steps = 0
        self._store = store
        self._record = record
        self._place = (run, task, attempt)
        self._last: Sha256 | None = None

    async def add(self, draft: Draft) -> None:
        """Write the next checkpoint. Not to be cancelled: the caller shields it."""
        self._last, checkpoint = await to_thread.run_sync(self._keep, draft)
        self.steps += 1
        await self._record(
            CheckpointTaken(
                task=checkpoint.task,
                attempt=checkpoint.attempt,
                step=checkpoint.step,
                sha256=self._last,
                screenshot=checkpoint.screen.screenshot,
                say=draft.decision.say if draft.decision else None,
                executed=len(draft.executed),
                usage=draft.decision.usage if draft.decision else Usage(),
            )
        )

    def _keep(self, draft: Draft) -> tuple[Sha256, Checkpoint]:
        run, task, attempt = self._place
        checkpoint = Checkpoint(
            run=run,
            task=task,
            attempt=attempt,
            step=self.steps,
            previous=self._last,
            screen=keep_screen(self._store, draft.seen),
            decision=draft.decision,
            executed=tuple(draft.executed),
            timings=draft.timings,
        )
        return self._store.put(checkpoint.model_dump_json().encode()), checkpoint


def keep_screen(store: ArtifactStore, seen: Observation) -> Screen:
    """Put what was seen into the store."""
    return Screen(
        screenshot=store.put(seen.screenshot.png),
        tree=store.put(_TREE.dump_json(seen.tree)),
        width=seen.screenshot.width,
        height=seen.screenshot.height,
        windows=seen.windows,
        focus=next((window.id for window in seen.windows if window.focused), None),
        cursor=seen.cursor,
        taken_at=seen.taken_at,
    )


def read_checkpoint(store: ArtifactStore, sha256: Sha256) -> Checkpoint:
    """Raises InfraError for one that is missing or damaged."""
    return Checkpoint.model_validate_json(store.get(sha256))


def read_tree(store: ArtifactStore, sha256: Sha256) -> UiTree:
    """Raises InfraError for one that is missing or damaged."""
    return _TREE.validate_json(store.get(sha256))


def read_chain(store: ArtifactStore, last: Sha256) -> list[Checkpoint]:
    """All checkpoints of an attempt, the first first, following the hashes back from the last."""
    chain: list[Checkpoint] = []
    link: Sha256 | None = last
    while link is not None:
        chain.append(read_checkpoint(store, link))
        link = chain[-1].previous
    return chain[::-1]
