"""The bundled suite: its oracle does its tasks, and who does nothing does none.

Here, a task or two of each domain. All of them take the better part of an hour: `bench deskbench`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-c", "from runner.cli import main; main()", "bench", "deskbench"]
SOME = (
    "browser-settings",
    "calc-total",
    "editor-save-over",
    "files-missing",
    "files-replace",
    "gimp-gray",
    "impress-title",
    "several-config",
    "terminal-rename",
    "vlc-one-instance",
    "writer-heading",
)


def bench(home: Path, agent: str) -> dict[str, Any]:
    environment = {**os.environ, "DESKSWARM_HOME": str(home)}
    chosen = [word for name in SOME for word in ("--task", name)]
    command = [*COMMAND, *chosen, "--agent", agent, "--parallel", "3", "--json"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize(("agent", "score"), [("oracle", 1), ("null", 0)])
def test_the_oracle_does_all_and_the_null_agent_none(
    home: Path, needs_image: Callable[[str], None], agent: str, score: int
) -> None:
    needs_image("desktop")
    found = bench(home, agent)
    assert {task["id"]: task["score"] for task in found["tasks"]} == dict.fromkeys(SOME, score), found[
        "tasks"
    ]
