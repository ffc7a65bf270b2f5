"""Checkpoints as they are taken, for any number of readers in any process.

A reader reads the journal and the store itself, at its own pace: nothing waits for it, nothing is buffered
for it, and the agents do not know that it is there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.checkpoints import Checkpoint, read_checkpoint
from runner.events import CheckpointTaken
from runner.frames import read_frame
from runner.journal import Journal, Record
from runner.trees import read_tree
from sandboxes.errors import InputError
from sandboxes.frame import Frame
from sandboxes.observation import UiTree


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A checkpoint, and what it shows. `seq` is its place in the journal, `at` when it was journaled, in
    seconds since the epoch."""

    seq: int
    run: str
    at: float
    checkpoint: Checkpoint
    store: ArtifactStore

    async def frame(self) -> Frame:
        """What the screen showed, bit for bit. Raises InfraError where it is damaged."""
        return await to_thread.run_sync(read_frame, self.store, self.checkpoint.screen.frame)

    async def tree(self) -> UiTree:
        """The accessible objects. Raises InfraError where they are damaged."""
        return await to_thread.run_sync(read_tree, self.store, self.checkpoint.screen.tree)


async def subscribe(
    home: Path, run: str, task: str | None = None, after_step: int | None = None
) -> AsyncGenerator[CheckpointView, None]:
    """The checkpoints of a run, or of one of its tasks: those there are, then each as it is taken, until the
    run has ended or its controller is gone.

    With `after_step`, those of each attempt whose step is above it; steps count from 0. Bound it with a
    cancel scope. Raises InputError for an unknown run or task, InfraError for a damaged checkpoint.
    """
    store = ArtifactStore(home / ARTIFACTS)
    try:
        with await to_thread.run_sync(Journal, home) as journal:
            async for record in follow(journal, run, task, after_step):
                if isinstance(record.event, CheckpointTaken):
                    checkpoint = await to_thread.run_sync(read_checkpoint, store, record.event.sha256)
                    yield CheckpointView(record.seq, run, record.at, checkpoint, store)
    finally:
        store.close()


async def follow(
    journal: Journal, run: str, task: str | None = None, after_step: int | None = None
) -> AsyncIterator[Record]:
    """A run's events as `Journal.follow` has them: of one task only, where one is named, and without the
    checkpoints up to a step. Raises InputError."""
    if task is not None:
        _check_task(journal, run, task)
    async for record in journal.follow(run):
        event = record.event
        if task is not None and event.task not in (task, ""):
            continue
        if after_step is None or not isinstance(event, CheckpointTaken) or event.step > after_step:
            yield record


def _check_task(journal: Journal, run: str, task: str) -> None:
    swarm = journal.read(run)[:1]
    tasks = [
        one.id for record in swarm if record.event.kind == "run_started" for one in record.event.swarm.tasks
    ]
    if tasks and task not in tasks:
        raise InputError(f"task: {task!r} is not in run {run}; it has {', '.join(sorted(tasks))}")
