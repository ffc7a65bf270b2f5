"""What tests of re-execution share: recorded attempts, and what might have been different."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.actions import Action, Target
from runner.checkpoints import Executed
from runner.reexecution.again import reexecute
from runner.reexecution.record import Record, read_record
from runner.reexecution.report import Report
from runner.reexecution.waiting import Patience
from sandboxes.host import Host
from tests.runner.laboratory import Laboratory

# Where a divergence is expected: how long a screen must stay another one.
HASTY = Patience(rest_s=0.4, whole_s=10, passing_s=0.1, sharpen_s=0.1, target_s=2)


def record_of(lab: Laboratory, run: str, task: str = "a", number: int | None = None) -> Record:
    return read_record(lab.read, lab.store, run, task, number)


async def again(
    lab: Laboratory, record: Record, backend: str = "simulated", patience: Patience = HASTY
) -> Report:
    async with Host(lab.home) as host:
        return await reexecute(host, record, backend, lambda _: None, out_of(lab), patience)


def out_of(lab: Laboratory) -> Path:
    return lab.folder / "out"


def but_also(record: Record, step: int, *actions: Action) -> Record:
    """As if these had been done at a step too: what is seen after it is not what the record holds."""
    chosen = record.checkpoints[step]
    more = tuple(Executed(action=action, ok=True, took_s=0) for action in actions)
    changed = chosen.model_copy(update={"executed": chosen.executed + more})
    return replace(record, checkpoints=(*record.checkpoints[:step], changed, *record.checkpoints[step + 1 :]))


def seen_too_early(record: Record, step: int) -> Record:
    """As if the agent had looked at a step before anything had come of the step before."""
    early = record.checkpoints[step].model_copy(update={"screen": record.checkpoints[step - 1].screen})
    return replace(record, checkpoints=(*record.checkpoints[:step], early, *record.checkpoints[step + 1 :]))


def by_coordinates(record: Record) -> Record:
    """As an agent that only sees pixels would have done it."""
    return replace(
        record,
        checkpoints=tuple(
            checkpoint.model_copy(update={"executed": tuple(map(_by_coordinates, checkpoint.executed))})
            for checkpoint in record.checkpoints
        ),
    )


def _by_coordinates(executed: Executed) -> Executed:
    if not executed.points:
        return executed
    action = executed.action.model_copy(update={"target": Target(at=executed.points[0])})
    return executed.model_copy(update={"action": action})
