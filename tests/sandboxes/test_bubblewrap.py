"""What only bubblewrap's desktops leave: processes of this machine."""

from __future__ import annotations

import json
import time
from pathlib import Path

import anyio
import pytest

from sandboxes import cgroup
from sandboxes.bubblewrap import BubblewrapBackend
from sandboxes.deadline import Pace
from sandboxes.home import run_folder
from sandboxes.owner import Owner
from sandboxes.spec import Limits, new_desktop_id
from tests.conftest import lacking

pytestmark = pytest.mark.anyio


async def test_what_a_killed_controller_had_no_time_to_name_is_ended(tmp_path: Path) -> None:
    """It had written its record, and started a program, and died before it wrote the program's id."""
    desktop_id = new_desktop_id()
    groups = cgroup.plan(cgroup.find_parents(), desktop_id)
    if not groups:
        lacking("no control group can be made here")
    backend = BubblewrapBackend(tmp_path)
    folder = run_folder(tmp_path, backend.name) / desktop_id
    folder.mkdir(parents=True)
    record = {"image": "slim", "owner": str(Owner.current()), "started_at": time.time(), "labels": {}}
    (folder / "record.json").write_text(json.dumps(record | {"groups": list(map(str, groups))}))
    cgroup.make(groups, Limits())
    async with await anyio.open_process(cgroup.joining(groups, ["sleep", "600"])) as process:
        pace = Pace()
        with anyio.fail_after(30):
            while str(process.pid) not in (groups[-1] / "cgroup.procs").read_text().split():
                await pace.wait()
            await backend.stop(desktop_id)
            assert await process.wait() < 0
    assert not any(group.exists() for group in groups)
    assert not folder.exists()
