"""`deskswarm plan` and `deskswarm lint`, the real commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runner.cli.command import Command

UNCHECKED = """\
name: reports
pattern: swarm
agents:
  model: {kind: process, command: [agent]}
budget: {money: 5}
tasks:
  - id: fetch
    instruction: Save the orders.
    agent: model
    outputs:
      table: {path: ~/table.csv}
  - id: total
    instruction: Total them.
    agent: model
    inputs: {table: {artifact: fetch.table, to: ~/table.csv}}
"""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_a_plan_is_printed_and_drawn(command: Command) -> None:
    done = command("plan", "month-end", "--svg", "out/plan.svg")
    assert "← ledger: workbook" in done.stdout
    assert (command.folder / "out" / "plan.svg").read_text().startswith("<svg ")


def test_a_plan_as_json_is_a_swarm_that_runs(command: Command) -> None:
    (command.folder / "t.csv").write_text("number,text\n1,hello\n2,world\n")
    steps = "[{type: '{row.text}'}, {press: ctrl+s}]"
    written = (
        "name: notes\nmap: {rows: {rows: t.csv, key: number}}\ntasks:\n"
        f"  - {{id: note, each: rows, instruction: x, agent: {{kind: script, steps: {steps}}}}}\n"
    )
    plan = json.loads(command("plan", command.file(written), "--json").stdout)
    assert [task["id"] for task in plan["plan"]["tasks"]] == ["note.1", "note.2"]
    assert plan["edges"] == []
    result = command.run(json.dumps(plan["swarm"]))
    assert [task["id"] for task in result["tasks"]] == ["note.1", "note.2"]


def test_lint_names_place_reason_and_fix_and_exits_with_a_code_of_its_own(command: Command) -> None:
    source = command.file(UNCHECKED)
    lines = command("lint", source, code=4).stdout.splitlines()
    assert ":11:14: error: missing-contract: tasks[0].outputs.table: total will work with" in lines[0]
    assert lines[1].startswith("    fix: ")
    assert any(line.startswith("  assumed: ") for line in lines)
    found = json.loads(command("lint", source, "--json", code=4).stdout)
    first = found["findings"][0]
    assert (first["rule"], first["severity"], first["line"], first["column"]) == (
        "missing-contract",
        "error",
        11,
        14,
    )
    assert found["estimate"]["model_tasks"] == 2
    pipeline = next(one for one in found["findings"] if one["rule"] == "is-a-pipeline")
    assert (pipeline["place"], pipeline["line"]) == ("pattern", 2)


def test_lint_of_month_end_finds_nothing(command: Command) -> None:
    found = json.loads(command("lint", "month-end", "--json").stdout)
    assert found["findings"] == []


def test_what_cannot_run_is_refused(command: Command) -> None:
    done = command("lint", command.file(UNCHECKED.replace("fetch.table", "fetch.tabel")), code=2)
    assert "did you mean 'fetch.table'?" in done.stderr
    assert done.stdout == ""
