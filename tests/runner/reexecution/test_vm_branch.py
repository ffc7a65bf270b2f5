"""On machines that can be saved with what runs in them, a branch begins from a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.controller import run_swarm
from runner.reexecution.branch import Wanted, branch
from runner.reexecution.report import StepResult
from sandboxes.host import Host
from tests.conftest import must_work
from tests.runner.laboratory import Laboratory, swarm
from tests.runner.reexecution.records import out_of, record_of

pytestmark = [pytest.mark.anyio, pytest.mark.libvirt]


async def test_a_branch_goes_on_from_the_last_snapshot(
    home: Path, tmp_path: Path, needs_image: Callable[[str], None]
) -> None:
    await must_work("libvirt", home)
    needs_image("slim")
    lab = Laboratory(home, tmp_path)
    one = {
        "id": "a",
        "instruction": "Do nothing.",
        "desktop": {"image": "slim"},
        "agent": {"kind": "script", "steps": [{"press": "Escape"}] * 3},
        "snapshots": {"every": 2},
    }
    summary = await run_swarm(swarm(one), lab.folder, lab.home, backend="libvirt")
    assert summary.status == "succeeded"
    record = record_of(lab, summary.run)
    [saved] = record.snapshots
    assert saved.step == 2
    told: list[StepResult] = []
    async with Host(lab.home) as host:
        wanted = Wanted(lab.read(record.run), record, 2, "libvirt")
        gone_on = await branch(host, wanted, told.append, out_of(lab))
    assert gone_on.status == "succeeded"
    assert [step.step for step in told] == [2], "what was done before is in the snapshot"
    state = lab.read(gone_on.run)
    assert state.branched is not None
    assert state.branched.snapshot == saved.snapshot
    assert state.tasks["a"].attempts[0].steps == 1
