"""The bundled suite: its oracle does its tasks, and who does nothing does none.

Here, a task or two of each domain; `bench deskbench` gives it all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runner.suites.commands import bench

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


@pytest.mark.parametrize(("agent", "score"), [("oracle", 1), ("null", 0)])
def test_the_oracle_does_all_and_the_null_agent_none(
    home: Path, needs_image: Callable[[str], None], agent: str, score: int
) -> None:
    needs_image("desktop")
    chosen = [word for name in SOME for word in ("--task", name)]
    found = json.loads(bench(home, "deskbench", *chosen, "--agent", agent, "--parallel", "3", "--json"))
    assert {task["id"]: task["score"] for task in found["tasks"]} == dict.fromkeys(SOME, score), found[
        "tasks"
    ]
