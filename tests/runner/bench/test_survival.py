"""The kill study, small; and that it would see what it looks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.bench.survival.bench import survival
from runner.bench.survival.findings import Results, examine, results
from runner.bench.survival.plan import swarm_for
from runner.controller import run_swarm
from runner.events import AttemptEnded, AttemptStarted, Event, TaskEnded
from runner.journal import Journal, Record
from runner.resume import CAUSE
from runner.state import fold

pytestmark = pytest.mark.anyio
KILLS = 8


async def test_killed_at_random_moments_nothing_is_lost_or_done_twice_untold() -> None:
    told: list[str] = []
    figures = {one.name: one async for one in survival("simulated", KILLS, 7, told.append)}
    assert figures["kills"].ours >= KILLS
    assert (figures["different_ends"].ours, figures["done_twice_unreported"].ours) == (0, 0), told


@pytest.fixture
async def undisturbed(tmp_path: Path) -> tuple[list[Record], ArtifactStore, Results]:
    summary = await run_swarm(swarm_for("simulated"), tmp_path, tmp_path, backend="simulated")
    with Journal(tmp_path) as journal:
        records = journal.read(summary.run)
    return records, ArtifactStore(tmp_path / ARTIFACTS), results(fold(records))


def amended(records: Sequence[Record], *events: Event) -> list[Record]:
    """The run with events put in before its end."""
    before, last = records[:-1], records[-1]
    return [*before, *(Record(last.seq, last.run, last.at, event) for event in events), last]


async def test_an_undisturbed_run_is_found_whole(
    undisturbed: tuple[list[Record], ArtifactStore, Results],
) -> None:
    records, store, expected = undisturbed
    assert {task: result[0] for task, result in expected.items()} == {
        "first": "succeeded",
        "second": "succeeded",
        "both": "succeeded",
        "finish": "succeeded",
        "careless": "failed",
    }
    found = examine(records, store, expected)
    assert (found.different, found.unreported, found.cut_short) == ((), (), 0)


async def test_work_done_again_is_found(undisturbed: tuple[list[Record], ArtifactStore, Results]) -> None:
    records, store, expected = undisturbed
    again = amended(
        records,
        AttemptStarted(task="first", attempt=2),
        AttemptEnded(task="first", attempt=2, status="cancelled", failure="cancelled", cause=CAUSE),
        TaskEnded(task="first", status="succeeded", round=1),
    )
    found = examine(again, store, expected)
    assert found.unreported[:2] == ("first was begun again after its end", "first ended twice")
    assert any(line.startswith("first:") for line in found.different)


async def test_a_lost_output_is_found(
    undisturbed: tuple[list[Record], ArtifactStore, Results], tmp_path: Path
) -> None:
    records, _, expected = undisturbed
    found = examine(records, ArtifactStore(tmp_path / "empty"), expected)
    assert any(line.startswith("first.note is lost:") for line in found.different)
