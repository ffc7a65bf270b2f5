"""`replay --execute` and `branch` as commands: what they print, what they write, and their exit codes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import anyio
import pytest
from typer.testing import CliRunner

from runner.cli.app import app
from runner.events import InputPlaced, Kept
from runner.journal import Journal
from tests.runner.laboratory import Laboratory, task

STEPS = ({"open": ["notes", "~/note.txt"]}, {"focus": "note.txt"}, {"type": "one "}, {"press": "ctrl+s"})


@pytest.fixture
def run(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> str:
    """A recorded run, in the home that commands use."""
    monkeypatch.setenv("DESKSWARM_HOME", str(lab.home))
    (lab.folder / "draft.txt").write_text("A draft. ")
    inputs = {"draft": {"file": "draft.txt", "to": "~/note.txt"}}
    return anyio.run(partial(lab.run, task("a", *STEPS, inputs=inputs))).id


def with_another_input(lab: Laboratory, run: str) -> str:
    """A run of which the journal says the same, but that its input was another file."""
    with Journal(lab.home) as journal:
        other = Kept(name="draft", path="~/note.txt", sha256=lab.store.put(b"Not it."), bytes=7)
        for record in journal.read(run):
            event = record.event
            if isinstance(event, InputPlaced):
                event = event.model_copy(update={"file": other})
            journal.append("r-20261121-000000-0000", event)
    return "r-20261121-000000-0000"


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout


def test_the_same_exits_with_0(run: str, tmp_path: Path) -> None:
    code, told = invoke("replay", run, "a", "--execute", "--json", "--out", str(tmp_path / "again"))
    assert code == 0
    report = json.loads(told)
    assert (report["run"], report["verdict"], len(report["steps"])) == (run, "same", len(STEPS) + 1)
    assert json.loads((tmp_path / "again/report.json").read_text()) == report
    assert not (tmp_path / "again/divergence.png").exists()


def test_a_divergence_exits_with_1_and_says_what_differs(lab: Laboratory, run: str, tmp_path: Path) -> None:
    other = with_another_input(lab, run)
    code, told = invoke("replay", other, "a", "--execute", "--out", str(tmp_path / "again"))
    assert code == 1
    assert "step 2 is where they part:" in told or "step 3 is where they part:" in told
    assert "holds 'Not it.', not 'A draft.'" in told
    assert (tmp_path / "again/divergence.png").stat().st_size > 0


def test_a_branch_is_a_run_of_its_own(lab: Laboratory, run: str, tmp_path: Path) -> None:
    agent = tmp_path / "agent.yaml"
    agent.write_text("agent: {kind: script, steps: [{type: two}, {press: ctrl+s}]}\n")
    code, told = invoke("branch", run, "a", "--at", "4", "--agent", str(agent), "--json")
    assert code == 0
    result = json.loads(told)
    assert (result["status"], [one["id"] for one in result["tasks"]]) == ("succeeded", ["a"])
    assert result["run"] != run
    assert "branched before step 4 of attempt 1 at a" in invoke("show", result["run"])[1]


def test_a_step_that_is_not_there_is_bad_input(run: str) -> None:
    result = CliRunner().invoke(app, ["branch", run, "a", "--at", "9"])
    assert "attempt 1 at a has 5 steps, and no step 9" in str(result.exception)
