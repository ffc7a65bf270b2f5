"""A session clicked by points in a real editor becomes a script that does the same on another screen."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.cli.export import export_script
from runner.controller import run_swarm
from runner.load import load_swarm
from runner.spec import Swarm
from sandboxes.backend import load_backend
from sandboxes.errors import BackendUnavailable
from tests.conftest import lacking
from tests.runner.laboratory import Laboratory, swarm

pytestmark = pytest.mark.anyio
AGENT = Path(__file__).with_name("clicking_agent.py")
RECORDED, OTHER = (
    "      screen:\n        width: 1024\n        height: 768\n",
    "      screen: {width: 1280, height: 800}\n",
)


async def succeeds(lab: Laboratory, one: Swarm, folder: Path) -> str:
    summary = await run_swarm(one, folder, lab.home)
    [attempt] = lab.read(summary.run).tasks["a"].attempts
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    return summary.run


async def test_a_session_of_clicks_by_points_becomes_a_script(
    home: Path,
    tmp_path: Path,
    needs_image: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        await load_backend("bubblewrap", home).check()
    except BackendUnavailable as error:
        lacking(f"bubblewrap: {error}")
    needs_image("slim")
    lab = Laboratory(home, tmp_path / "recorded")
    lab.folder.mkdir()
    shutil.copy(AGENT, lab.folder)
    agent = {"kind": "process", "command": [sys.executable, AGENT.name], "screenshots": False}
    off = {"then": "off"}
    run = await succeeds(
        lab,
        swarm(
            {
                "id": "a",
                "instruction": "Write a note.",
                "agent": agent,
                "desktop": {"image": "slim", "screen": {"width": 1024, "height": 768}},
                "outputs": {"note": {"path": "~/saved.txt"}},
                "checks": [{"check": "text", "path": "~/saved.txt", "contains": ["grüße, 世界"]}],
                "monitors": {"repeats": off, "progress": off},
                "budget": {"steps": 10_000},
            }
        ),
        lab.folder,
    )

    monkeypatch.setenv("DESKSWARM_HOME", str(home))
    export_script(run, "a", tmp_path / "script", None)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 1, "no point is left, and nothing is left out"
    assert told[0].endswith("steps; 4 of its targets were points)")

    file = tmp_path / "script" / "swarm.yaml"
    text = file.read_text()
    assert "at: {x:" not in text
    assert RECORDED in text
    file.write_text(text.replace(RECORDED, OTHER))
    await succeeds(lab, load_swarm(file).swarm, file.parent)
