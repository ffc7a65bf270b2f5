"""`deskswarm locks`: who holds what."""

from __future__ import annotations

from collections.abc import Iterator

from runner.cli.journals import open_journal, read_decisions
from runner.cli.output import print_table
from runner.state import RunState


def list_locks(run: str) -> None:
    with open_journal() as journal:
        state = read_decisions(journal, run)
    print_table(("LOCK", "SEATS", "HELD BY", "WAITING"), list(_rows(state)))
    for found in state.coordination.deadlocks:
        print(f"deadlock, {found.task} was given up: {' '.join(map(str, found.cycle))}")


def _rows(state: RunState) -> Iterator[tuple[str, str, str, str]]:
    for name, lock in state.swarm.locks.items():
        holders = state.coordination.locks.get(name, {})
        held = ", ".join(
            f"{task}#{attempt}" if attempt else f"{task} (waits)" for task, attempt in holders.items()
        )
        waiting = ", ".join(state.frontier.waiting_for(name))
        yield name, str(lock.holders), held or "-", waiting or "-"
