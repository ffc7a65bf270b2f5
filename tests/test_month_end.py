"""The main job: the bundled swarm, by the command a user types, on real desktops with real applications."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxes.backend import load_backend
from sandboxes.errors import BackendUnavailable
from sandboxes.host import Host
from tests.conftest import BACKENDS, lacking

pytestmark = pytest.mark.anyio
TASKS = ["ledger", "portal", "note", "report"]


def deskswarm(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("deskswarm")
    environment = os.environ | {"DESKSWARM_HOME": str(home)}
    return subprocess.run(
        [command, *words], env=environment, capture_output=True, text=True, timeout=500, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
async def test_month_end_succeeds(
    home: Path, host: Host, tmp_path: Path, backend: str, needs_image: Callable[[str], None]
) -> None:
    try:
        await load_backend(backend, home).check()
    except BackendUnavailable as error:
        lacking(f"{backend}: {error}")
    needs_image("desktop")

    ran = deskswarm(home, "run", "month-end", "--fresh", "--backend", backend, "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["status"] == "succeeded"
    assert [task["id"] for task in told["tasks"]] == TASKS
    assert {task["status"] for task in told["tasks"]} == {"succeeded"}

    shown = deskswarm(home, "show", told["run"], "--artifacts", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"ledger/workbook.xlsx", "portal/confirmation.txt", "note/note.txt", "report/report.pdf"} <= left
    assert (tmp_path / "report/report.pdf").read_bytes().startswith(b"%PDF")

    page = tmp_path / "replay.html"
    assert deskswarm(home, "replay", told["run"], "--html", str(page)).returncode == 0
    assert page.stat().st_size > 100_000
    assert [one for one in await host.desktops() if one.labels.get("run") == told["run"]] == []
