"""`deskswarm drill`, the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runner.cli.command import Command

SAFEGUARDS = {
    "desktop killed": "connection (infra.lost)",
    "desktop frozen": "heartbeat (infra.silent)",
    "guest lies": "validator (contract.missing)",
    "controller killed": "resume (cancelled.controller_died)",
    "output fails its schema": "validator (contract.schema)",
    "output truncated": "validator (contract.truncated)",
    "stale artifact": "validator (contract.stale)",
    "agent loops": "monitor repeats (agent.repeats)",
    "agent stops early": "monitor claims (refused)",
    "agent claims success falsely": "validator (contract.check)",
    "brief overflow": "handoff (contract.brief)",
    "budget burnt": "budget (budget.tokens, budget.money)",
    "lock held for ever": "lock (timeout.lock)",
    "person never answers": "escalation (default)",
}
UNCHECKED = """\
name: notes
tasks:
  - id: write
    instruction: Write a note.
    agent: {kind: script, steps: [{type: hello}, {press: ctrl+s}]}
    outputs: {note: {path: ~/note.txt}}
"""
PATIENCE_S = 900


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_all_faults_on_month_end_are_caught_by_what_is_meant_for_them(command: Command) -> None:
    done = command("drill", "month-end", "--json", timeout=PATIENCE_S)
    faults: list[dict[str, Any]] = json.loads(done.stdout)["faults"]
    assert {row["fault"]: row["safeguard"] for row in faults} == SAFEGUARDS
    assert [set(row) for row in faults] == [{"fault", "detected", "contained", "safeguard", "seconds"}] * 14
    assert all(row["detected"] and row["contained"] and row["seconds"] >= 0 for row in faults), faults
    assert "14/14" in done.stderr
    assert not (command.home / "journal.db").exists(), "drills leave the user's own runs alone"


def test_what_went_through_is_told_and_has_an_exit_code_of_its_own(command: Command) -> None:
    done = command("drill", command.file(UNCHECKED), code=5, timeout=PATIENCE_S)
    lines = done.stdout.splitlines()
    assert lines[-1] == "went through: agent claims success falsely"
    assert lines[-2] == "13 of 14 faults detected and contained"
    [row] = [line for line in lines if line.startswith("agent claims success falsely ")]
    assert "WENT THROUGH" in row
    assert any("write has one more output, drill-record" in line for line in lines)


def test_a_file_that_is_not_there_is_bad_input(command: Command) -> None:
    assert "no such file" in command("drill", "nowhere.yaml", code=2).stderr
