"""`deskswarm runs`."""

from __future__ import annotations

import time

from runner.cli.journals import open_journal
from runner.cli.output import clock, duration, print_table
from runner.replay.describe import status_of
from runner.state import RunState, fold_decisions


def list_runs() -> None:
    with open_journal() as journal:
        rows = [_row(fold_decisions(journal, run)) for run in journal.runs()]
    print_table(("RUN", "SWARM", "STATUS", "TASKS", "STARTED", "TIME"), rows)


def _row(state: RunState) -> tuple[str, ...]:
    done = sum(task.status == "succeeded" for task in state.tasks.values())
    status = status_of(state)
    ended_at = state.ended_at or (time.time() if status == "running" else None)
    time_s = None if ended_at is None else ended_at - state.started_at
    tasks = f"{done}/{len(state.tasks)}"
    return state.id, state.swarm.name, status, tasks, clock(state.started_at), duration(time_s)
