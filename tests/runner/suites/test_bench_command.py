"""`deskswarm bench`, as its user calls it, on simulated desktops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandboxes.simulation.settings import FILE_NAME, Fault, Simulation
from tests.runner.suites.commands import bench

SUITE = """
name: small
tasks:
  - id: note
    instruction: Write a note.
    labels: {level: "1"}
    agent:
      kind: script
      steps: [{open: [notes, ~/note.txt]}, {type: hello}, {press: ctrl+s}]
    checks: [{check: text, path: ~/note.txt, equals: hello}]
  - id: other
    instruction: Write another.
    retry: {infra: 0}
    agent:
      kind: script
      steps: [{open: [notes, ~/other.txt]}, {type: hello}, {press: ctrl+s}]
    checks: [{check: text, path: ~/other.txt, equals: hello}]
"""


def test_a_suite_is_run_reported_and_what_has_no_score_tried_again(tmp_path: Path) -> None:
    home, suite = tmp_path / "home", tmp_path / "suite.yaml"
    home.mkdir()
    suite.write_text(SUITE)
    dies = Simulation(faults=(Fault(what="die", labels={"task": "other"}, times=1),))
    (home / FILE_NAME).write_text(dies.model_dump_json())
    options = ("--agent", "oracle", "--backend", "simulated", "--json")
    found: dict[str, Any] = json.loads(bench(home, str(suite), *options))
    assert list(found) == ["run", "suite", "agent", "score", "interval", "scored", "tasks"]
    assert [(task["id"], task["outcome"], task["cause"]) for task in found["tasks"]] == [
        ("note", "passed", ""),
        ("other", "not_scored", "infra"),
    ]
    (home / FILE_NAME).unlink()
    again: dict[str, Any] = json.loads(bench(home, "resume", found["run"], "--unscored", "--json"))
    assert (again["run"], again["score"], again["scored"]) == (found["run"], 1, 2)
    assert len(again["tasks"][1]["attempts"]) == 2
    assert "nothing to try again" in bench(home, "resume", found["run"], "--unscored", code=2)
    page = tmp_path / "report.html"
    assert "score 100.0%" in bench(home, "report", found["run"], "--html", str(page))
    assert "level 1" in page.read_text()


def test_an_unknown_suite_and_agent_are_bad_input(tmp_path: Path) -> None:
    assert "no such file" in bench(tmp_path, "nothing.yaml", "--agent", "null", code=2)
    assert "--agent: 'nobody'" in bench(tmp_path, "deskbench", "--agent", "nobody", code=2)
