"""The commands as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runner.cli.app import app
from runner.dead_letters import requeue
from runner.journal import Journal
from sandboxes.errors import InputError
from tests.runner.exports.playing import ENTRY, SAVE, TITLE_BAR, act, at, play
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio
OUTPUT = {"note": {"path": "~/note.txt"}}
ANSWERS = (
    act({"click": at(ENTRY)}, {"type": "hello"}),
    act({"click": at(TITLE_BAR)}),
    act({"click": {"role": "push button", "name": "Nowhere", "timeout": 0.05}}),
    act({"click": at(SAVE)}),
    {"say": "done"},
)


def deskswarm(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def told(*words: str | Path) -> list[str]:
    done = deskswarm(*words)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


async def test_every_form_by_its_command(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await play(lab, *ANSWERS, outputs=OUTPUT)
    monkeypatch.setenv("DESKSWARM_HOME", str(lab.home))
    out = tmp_path / "out"
    written, fixed, left_out = told("export", "script", run, "a", "--out", out)
    assert written == f"{out}/swarm.yaml (5 steps; 2 of its targets were points)"
    assert fixed == "  step 2: stays a point: click (300, 50): no object tells that place"
    assert left_out.startswith("  step 3: left out, it failed: click push button “Nowhere”: no ")
    assert len(told("export", "trajectory", "last", "a")) == 5
    assert told("export", "trajectory", "last", "--out", out / "t.jsonl")[0].startswith(f"{out}/t.jsonl (")
    assert told("export", "film", "last", "a", "--out", out / "a.gif")[0].startswith(f"{out}/a.gif (")
    [folder] = told("export", "osworld", "last", "--out", out / "results")
    assert (Path(folder) / "traj.jsonl").is_file()
    [packed] = told("export", "zip", "last", "--out", out / "run.zip")
    assert packed.startswith(f"{out}/run.zip (")

    monkeypatch.setenv("DESKSWARM_HOME", str(tmp_path / "elsewhere"))
    assert told("import", out / "run.zip") == [f"{run}  test  succeeded"]
    assert told("import", out / "run.zip") == [f"{run}  test  succeeded; it was here already"]
    assert told("show", run)[1].endswith("on another machine; imported")
    assert told("fsck")[-1].endswith("clean")


async def test_what_cannot_be_written_is_told(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await play(lab, *ANSWERS)
    monkeypatch.setenv("DESKSWARM_HOME", str(lab.home))
    (tmp_path / "file").write_text("in the way")
    below = tmp_path / "file" / "x"
    for words in (
        ("script", run, "a", "--out", below),
        ("trajectory", run, "--out", below / "t.jsonl"),
        ("trajectory", run, "--out", tmp_path / "t.jsonl", "--frames", below),
        ("film", run, "a", "--out", below / "a.gif"),
        ("osworld", run, "--out", below),
        ("zip", run, "--out", below / "run.zip"),
    ):
        with pytest.raises(InputError, match="cannot be written"):
            deskswarm("export", *words)


async def test_what_was_imported_is_not_tried_again(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = task("a", checks=[{"check": "text", "path": "~/none", "contains": ["x"]}])
    state = await lab.run(failing)
    monkeypatch.setenv("DESKSWARM_HOME", str(lab.home))
    told("export", "zip", state.id, "--out", tmp_path / "run.zip")
    monkeypatch.setenv("DESKSWARM_HOME", str(tmp_path / "elsewhere"))
    told("import", tmp_path / "run.zip")
    with Journal(tmp_path / "elsewhere") as journal, pytest.raises(InputError, match="was imported"):
        requeue(journal, state.id, "a", "me", "again")
