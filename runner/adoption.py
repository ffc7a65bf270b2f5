"""Desktops that outlived their controller: which of them a run goes on with, and from where."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import anyio
from anyio import to_thread

from runner.agents import goes_on
from runner.agents.base import ActionResult
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.checkpoints import read_checkpoint
from runner.events import ActIntended, CheckpointTaken, DesktopAdopted, DesktopHandedOver
from runner.graph import agent_of, by_id
from runner.journal import Journal
from runner.progress import Progress
from runner.run_log import RunLog
from runner.state import AttemptState, RunState
from sandboxes.desktop import Desktop
from sandboxes.errors import DeskswarmError
from sandboxes.host import Host

CAUSE = "controller_died"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Left:
    """A desktop that a dead controller left, and the task that goes on with it; `epoch` is the last known."""

    task: str
    desktop: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Adopted:
    desktop: Desktop
    progress: Progress


async def adopt_desktops(host: Host, log: RunLog, journal: Journal) -> dict[str, Adopted]:
    """The desktops that outlived the last controller of a run, by the tasks that go on with them.

    The run must be this process's. What else there is of the run is ended. Raises JournalError, InfraError.
    """
    state = log.state
    if not state.swarm.outlive_s:
        return {}
    desktops: dict[Left, Desktop] = {}
    async with anyio.create_task_group() as tasks:
        for left in left_behind(state):
            tasks.start_soon(_adopt, host, state, left, desktops)
    found: dict[str, Adopted] = {}
    with closing(ArtifactStore(host.home / ARTIFACTS)) as store:
        for left, desktop in desktops.items():
            progress = await to_thread.run_sync(_progress, left, state, journal, store)
            await log.write(_event(desktop, left.task, progress))
            found[left.task] = Adopted(desktop, progress)
    await _end_others(host, state.id, {left.desktop for left in desktops})
    return found


def left_behind(state: RunState) -> Iterator[Left]:
    """What the tasks that wait can go on with, if it is still there: a desktop that was handed over to one,
    or that an attempt was at work on, whose agent can go on where another one stopped."""
    held, tasks = state.coordination.desktops, by_id(state.swarm)
    elsewhere = {one.desktop for one in held.values()}
    for task in state.tasks.values():
        if task.status != "waiting":
            continue
        if task.id in held:
            if _was_given(state, held[task.id]):
                yield Left(task.id, held[task.id].desktop, held[task.id].epoch)
        elif task.attempts and (last := task.attempts[-1]).cause == CAUSE:
            agent = agent_of(state.swarm, tasks[task.id], last.agent)
            if last.desktop and last.desktop not in elsewhere and goes_on(agent):
                yield Left(task.id, last.desktop, last.epoch)


def _was_given(state: RunState, held: DesktopHandedOver | DesktopAdopted) -> bool:
    """Not by an attempt that was cut off before its end: its task is done anew, and hands on another."""
    if isinstance(held, DesktopAdopted):
        return True
    sender = state.tasks[held.task]
    return sender.status == "succeeded" and len(sender.attempts) == held.attempt


async def _adopt(host: Host, state: RunState, left: Left, desktops: dict[Left, Desktop]) -> None:
    """Unless it is gone. There may have been one lease since the last that was journaled, and one by each
    controller that took the run up: the epoch is above all of them."""
    holder, epoch = f"{state.id}/{left.task}", left.epoch + 1 + state.resumed
    try:
        desktops[left] = await host.adopt(left.desktop, holder=holder, epoch=epoch)
    except DeskswarmError as error:
        _log.warning("%s: %s does not go on with its desktop: %s", state.id, left.task, error)


def _progress(left: Left, state: RunState, journal: Journal, store: ArtifactStore) -> Progress:
    attempts = [one for one in state.tasks[left.task].attempts if one.desktop == left.desktop]
    last, doubt = _last_step(attempts, left.task, state.id, journal)
    return Progress(
        steps=_restored_at(attempts, state) + sum(one.steps for one in attempts),
        last=_results(store, last) if last else (),
        placed={name: kept for one in attempts for name, kept in one.inputs.items()},
        read=frozenset(name for one in attempts for name in one.read),
        doubt=doubt,
    )


def _restored_at(attempts: Sequence[AttemptState], state: RunState) -> int:
    """The steps that had been acted on where the first attempt on a desktop, if there was any, began from a
    saved one."""
    restored = {one.restored for one in attempts[:1]}
    taken = (one for task in state.tasks.values() for attempt in task.attempts for one in attempt.snapshots)
    return next((one.acted for one in taken if one.snapshot in restored), 0)


def _last_step(
    attempts: Collection[AttemptState], task: str, run: str, journal: Journal
) -> tuple[CheckpointTaken | None, str]:
    last: CheckpointTaken | None = None
    doubt = ""
    for attempt in attempts:
        for record in journal.read_steps(run, task, attempt.number):
            match record.event:
                case CheckpointTaken() as last:
                    doubt = ""
                case ActIntended() as begun:
                    doubt = begun.words
    return last, doubt


def _results(store: ArtifactStore, taken: CheckpointTaken) -> tuple[ActionResult, ...]:
    executed = read_checkpoint(store, taken.sha256).executed
    return tuple(ActionResult(ok=done.ok, error=done.error) for done in executed)


def _event(desktop: Desktop, task: str, progress: Progress) -> DesktopAdopted:
    return DesktopAdopted(
        task=task,
        desktop=desktop.id,
        epoch=desktop.lease.epoch,
        steps=progress.steps,
        doubt=progress.doubt,
    )


async def _end_others(host: Host, run: str, adopted: Collection[str]) -> None:
    """What can not be ended now is ended by the dead controller's reaper, when its time is over."""
    for record in await host.desktops():
        if record.labels.get("run") == run and record.id not in adopted and not record.owner.is_alive():
            try:
                await host.stop(record.id)
            except DeskswarmError as error:
                _log.warning("%s: desktop %s was not ended: %s", run, record.id, error)
