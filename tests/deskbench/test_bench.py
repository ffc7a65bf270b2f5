"""The bundled suite: its oracle does every task, and who does nothing does none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.load import bundled_swarms

COMMAND = [sys.executable, "-c", "from runner.cli import main; main()", "bench"]


def bench(home: Path, *words: str) -> dict[str, Any]:
    environment = {**os.environ, "DESKSWARM_HOME": str(home)}
    suite = str(bundled_swarms()["deskbench"].with_name("files.yaml"))
    command = [*COMMAND, suite, "--parallel", "3", "--json", *words]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize(("agent", "score"), [("oracle", 1), ("null", 0)])
def test_the_oracle_does_all_and_the_null_agent_none(
    home: Path, needs_image: Callable[[str], None], agent: str, score: int
) -> None:
    needs_image("slim")
    found = bench(home, "--agent", agent)
    scores = {task["id"]: task["score"] for task in found["tasks"]}
    assert scores == dict.fromkeys(scores, score), found["tasks"]
    assert found["scored"] == len(scores) > 0
