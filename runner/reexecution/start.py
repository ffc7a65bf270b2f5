"""The desktop a recorded attempt is carried out on again: a fresh one with its inputs, or a restored one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anyio import to_thread

from runner.artifacts import Sha256
from runner.contracts import look_before
from runner.outcome import must_answer
from runner.reexecution.record import Record
from runner.setup import set_up
from sandboxes.desktop import Desktop
from sandboxes.errors import SnapshotError
from sandboxes.host import Host


@dataclass(frozen=True, slots=True)
class Started:
    """A desktop in the state before `step` of the record, its holder's to end. `before` is what was at the
    paths of the outputs when the work began; `snapshot` what the desktop was restored from, or empty."""

    desktop: Desktop
    before: Mapping[str, Sha256]
    step: int = 0
    snapshot: str = ""


async def start_fresh(host: Host, record: Record, backend: str) -> Started:
    """With the inputs that the attempt had, and set up as then. Raises InfraError, and InputError where the
    backend cannot."""
    desktop = await host.start(
        record.task.desktop, holder=_holder(record), backend=backend, labels=_labels(record)
    )
    try:
        for kept in record.inputs.values():
            content = await to_thread.run_sync(record.store.get, kept.sha256)
            with must_answer(desktop):
                await desktop.files.write(kept.path, content)
        await set_up(desktop, record.task.setup)
        return Started(desktop, await look_before(desktop, record.task.outputs))
    except BaseException:
        await desktop.stop()
        raise


async def start_near(host: Host, record: Record, backend: str, step: int) -> Started:
    """As near before this step as can be: from the last snapshot of the attempt, where there is one that
    fits; else fresh. Raises what `start_fresh` does."""
    taken = [one for one in record.snapshots if one.step <= step] if backend == record.backend else []
    for saved in sorted(taken, key=lambda one: -one.step):
        try:
            desktop = await host.restore(saved.snapshot, holder=_holder(record), labels=_labels(record))
        except SnapshotError:
            continue  # it was removed, or is of another version of the image: an earlier one will do
        return Started(desktop, _before(record), saved.step, saved.snapshot)
    return await start_fresh(host, record, backend)


def _before(record: Record) -> dict[str, Sha256]:
    """What its inputs put at the paths of the outputs; what else was there is not known any more."""
    placed = {kept.path: kept.sha256 for kept in record.inputs.values()}
    return {name: placed[one.path] for name, one in record.task.outputs.items() if one.path in placed}


def _holder(record: Record) -> str:
    return f"{record.run}/{record.task.id}/again"


def _labels(record: Record) -> dict[str, str]:
    return {"again": record.run, "task": record.task.id}
