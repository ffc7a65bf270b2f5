"""A very long journal: how long it takes to know what became of its run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from runner.bench.scale.story import begun, task_of
from runner.cli.show import account
from runner.events import Event
from runner.journal import Journal
from runner.resume import check_resumable
from runner.state import fold_decisions

RUN = "r-history"
STEPS = 22
EVENTS_OF_TASK = 6 + 2 * STEPS
_AT_ONCE = 2000


def write_history(home: Path, most: int) -> int:
    """A run of so many events, but for what would be no whole task; how many there are."""
    tasks = most // EVENTS_OF_TASK
    with Journal(home) as journal:
        journal.append(RUN, begun(tasks))
        events = _events(tasks)
        while some := list(islice(events, _AT_ONCE)):
            journal.append_groups(RUN, [some])
    return 1 + tasks * EVENTS_OF_TASK


def _events(tasks: int) -> Iterator[Event]:
    for number in range(tasks):
        yield from task_of(f"t{number}", STEPS)


def time_of_show(home: Path) -> float:
    """Seconds until all that `deskswarm show` prints is there."""
    started = time.monotonic()
    with Journal(home) as journal:
        lines = list(account(fold_decisions(journal, RUN)))
    assert len(lines) > 1
    return time.monotonic() - started


def time_of_resume(home: Path) -> float:
    """Seconds until a controller that takes the run up knows what is left to do."""
    started = time.monotonic()
    with Journal(home) as journal:
        state = fold_decisions(journal, RUN)
        check_resumable(state)
    return time.monotonic() - started
