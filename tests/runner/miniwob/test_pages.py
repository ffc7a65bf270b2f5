"""MiniWoB++'s own pages on a desktop, and the rewards they give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.checks.miniwob import judge_miniwob
from runner.checks.spec import MiniWob
from runner.journal import Journal
from runner.miniwob.package import Package, set_up
from runner.state import fold
from sandboxes.errors import InfraError
from sandboxes.guest.protocol import Rect, Window
from tests.conftest import lacking

COMMAND = [sys.executable, "-c", "from runner.cli import main; main()", "bench", "miniwob"]
TASKS = ("click-button", "click-checkboxes", "login-user")
CHECK = MiniWob(check="miniwob", task="click-button")


@pytest.fixture(scope="module")
def package(home: Path) -> Package:
    try:
        return set_up(home)
    except InfraError as error:
        lacking(f"MiniWoB++'s package: {error}")


def test_every_environment_of_the_package_has_a_page(package: Package) -> None:
    names = package.tasks()
    assert len(names) == 125
    assert {*TASKS, "drag-cube", "use-slider"} <= set(names)
    assert not [name for name in names if name.startswith("flight")]


def bench(home: Path, *words: str, code: int = 0) -> Any:
    environment = {**os.environ, "DESKSWARM_HOME": str(home)}
    ran = subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    return json.loads(ran.stdout) if code == 0 else ran.stderr


def facts_of(home: Path, run: str) -> list[dict[str, Any]]:
    """What the check found, by task."""
    with Journal(home) as journal:
        tasks = fold(journal.read(run)).tasks.values()
    verdicts = [attempt.verdict for task in tasks for attempt in task.attempts if attempt.verdict]
    return [dict(verdict.findings[0].facts) for verdict in verdicts]


def test_the_pages_reward_is_the_score(
    home: Path, package: Package, needs_image: Callable[[str], None], tmp_path: Path
) -> None:
    needs_image("desktop")
    ids = tmp_path / "ids"
    ids.write_text("\n".join(TASKS))
    report = bench(home, "--agent", "oracle", "--ids", str(ids), "--parallel", "1", "--json")
    assert {task["id"]: task["outcome"] for task in report["tasks"]} == dict.fromkeys(TASKS, "passed")
    for facts in facts_of(home, report["run"]):
        assert facts["done"]
        assert facts["raw_reward"] == 1
        assert 0 < facts["reward"] <= 1


def test_doing_nothing_earns_nothing(
    home: Path, package: Package, needs_image: Callable[[str], None]
) -> None:
    needs_image("desktop")
    report = bench(home, "--agent", "null", "--task", "click-button", "--json")
    assert [task["outcome"] for task in report["tasks"]] == ["failed"]
    assert facts_of(home, report["run"]) == [{"reward": 0, "raw_reward": 0, "done": False}]


def test_a_task_that_there_is_not(home: Path, package: Package) -> None:
    assert "did you mean 'click-button'" in bench(home, "--agent", "null", "--task", "click-buton", code=2)


@pytest.mark.parametrize(
    ("title", "ok", "reward"),
    [
        ("MiniWoB click-button: reward 0.9971, raw 1", True, 0.9971),
        ("MiniWoB click-button: reward 0.5, raw 0.5", True, 0.5),
        ("MiniWoB click-button: reward 1e-7, raw 1", True, 1e-7),
        ("MiniWoB click-button: reward -1, raw -1", False, -1),
        ("MiniWoB click-button: reward 0, raw 1", False, 0),
        ("MiniWoB click-button: ready", False, 0),
        ("MiniWoB click-button-sequence: reward 1, raw 1", False, 0),
        ("MiniWoB click-button: reward 17, raw 1", False, 0),
        ("", False, 0),
    ],
)
def test_a_reward_is_read_off_the_windows_title(title: str, ok: bool, reward: float) -> None:
    window = Window(
        id=1, title=title, application="Chromium", pid=7, frame=Rect(x=0, y=0, width=9, height=9),
        stack=0, focused=True, minimized=False,
    )  # fmt: skip
    ruling = judge_miniwob(CHECK, [window])
    assert (ruling.ok, ruling.facts["reward"]) == (ok, reward)
