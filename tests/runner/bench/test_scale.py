"""The benchmark of scale, small: that it runs what it says, and counts it rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.bench.scale.bench import scale
from runner.bench.scale.crowd import run_crowd
from runner.bench.scale.history import EVENTS_OF_TASK, RUN, time_of_resume, time_of_show, write_history
from runner.bench.scale.writing import measure_writing
from runner.journal import Journal
from runner.state import fold_decisions

pytestmark = pytest.mark.anyio


async def test_a_crowd_counts_its_steps(tmp_path: Path) -> None:
    crowd = await run_crowd(tmp_path, 6, 3)
    assert (crowd.tasks, crowd.steps) == (6, 18)
    assert len(crowd.dispatched_s) == 3, "three began when others had ended"
    assert min(crowd.dispatched_s) >= 0


async def test_sessions_write_two_events_a_step(tmp_path: Path) -> None:
    assert await measure_writing(tmp_path, sessions=5, steps=4) > 0
    with Journal(tmp_path) as journal:
        assert len(journal.read("r-writing")) == 1 + 5 + 5 * 4 * 2


def test_a_long_journal_is_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    written = write_history(tmp_path, 3 * EVENTS_OF_TASK + 7)
    with Journal(tmp_path) as journal:
        assert len(journal.read(RUN)) == written == 1 + 3 * EVENTS_OF_TASK
        state = fold_decisions(journal, RUN)
    assert [task.status for task in state.tasks.values()] == ["succeeded"] * 3
    assert state.status == "running"
    assert time_of_show(tmp_path) > 0
    assert time_of_resume(tmp_path) > 0


async def test_all_figures_are_there() -> None:
    figures = [figure async for figure in scale(20, 5, 500, lambda _: None)]
    assert [figure.name for figure in figures] == [
        "journaled_steps",
        "simulated_steps",
        "cost_of_step",
        "dispatch_latency_median",
        "dispatch_latency_p99",
        "memory_peak",
        "show_of_long_journal",
        "resume_of_long_journal",
    ]
