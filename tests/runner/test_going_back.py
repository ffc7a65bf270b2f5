"""On machines that can be saved with what runs in them, a retry goes on from the last snapshot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.controller import run_swarm
from runner.events import DesktopLeased
from runner.journal import Journal
from runner.ownership import violations
from tests.conftest import must_work
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio

REJECTS_ONCE = """
from pathlib import Path

def again(files):
    seen = Path(__file__).with_name("seen")
    first = not seen.exists()
    seen.touch()
    return (not first, repr(files))
"""
BACK = {"answers": {"contract": ["retry_checkpoint"]}}


def says(word: str) -> dict[str, Any]:
    return {"open": ["sh", "-c", f"echo {word} >> ~/said"]}


async def test_without_a_snapshot_it_is_a_fresh_one_and_the_ruling_says_so(lab: Laboratory) -> None:
    (lab.folder / "mine.py").write_text(REJECTS_ONCE)
    checks = [{"check": "python", "function": "mine.py:again", "paths": ["~/none"]}]
    state = await lab.run(task("a", checks=checks, policy=BACK, snapshots={"every": 1}))
    first, second = state.tasks["a"].attempts
    assert first.ruling is not None
    assert first.ruling.answer == "retry_fresh"
    assert "no checkpoint of this desktop can be gone back to" in first.ruling.reason
    assert (first.steps, second.steps, second.restored) == (2, 2, None)


@pytest.mark.libvirt
async def test_a_retry_goes_on_from_the_last_snapshot(
    home: Path, tmp_path: Path, needs_image: Callable[[str], None]
) -> None:
    """What was done before the snapshot is not done again, and what was done after it is undone."""
    await must_work("libvirt", home)
    needs_image("slim")
    (tmp_path / "mine.py").write_text(REJECTS_ONCE)
    written = ["sh", "-c", "until grep -q after ~/said; do sleep 0.1; done; cat ~/said"]
    one = {
        "id": "a",
        "instruction": "Say two things.",
        "desktop": {"image": "slim"},
        "agent": {"kind": "script", "steps": [says("before"), {"press": "Escape"}, says("after")]},
        "snapshots": {"every": 2},
        "policy": BACK,
        "checks": [
            {"check": "command", "argv": written, "equals": "before\nafter", "timeout": 120},
            {"check": "python", "function": "mine.py:again", "paths": ["~/none"]},
        ],
    }
    lab = Laboratory(home, tmp_path)
    summary = await run_swarm(swarm(one), lab.folder, lab.home, backend="libvirt")
    assert summary.status == "succeeded"
    first, second = lab.read(summary.run).tasks["a"].attempts
    [saved] = first.snapshots
    assert (saved.step, saved.acted, second.restored) == (2, 2, saved.snapshot)
    assert (first.steps, second.steps) == (3, 1)
    with Journal(home) as journal:
        events = [record.event for record in journal.read(summary.run)]
    assert list(violations(events)) == []
    assert len({event.desktop for event in events if isinstance(event, DesktopLeased)}) == 2
