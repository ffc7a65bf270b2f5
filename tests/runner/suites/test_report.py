"""Runs of suites on simulated desktops: whatever goes wrong is in the report, with its cause."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any

import anyio
import pytest

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.controller import run_swarm
from runner.events import DesktopLeased
from runner.journal import Record
from runner.spec import Swarm
from runner.state import RunState
from runner.suites.outcomes import scored_tasks
from runner.suites.page import report_page
from runner.suites.report import Report, compare, report
from runner.suites.trials import make_trials
from runner.suites.words import comparison_lines, report_lines
from sandboxes.simulation.settings import Fault
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio

NOTE = "~/note.txt"
WRITES = ({"open": ["notes", NOTE]}, {"type": "hello"}, {"press": "ctrl+s"})
CHECKS: list[dict[str, Any]] = [{"check": "text", "path": NOTE, "contains": ["hello"]}]
BABBLES = "import sys; print('I am done.', flush=True); sys.stdin.read()"
FUNCTIONS = """
import os, time

def raises(files):
    raise ValueError("my own mistake")

def hangs(files):
    time.sleep(3600)

def dies(files):
    os.abort()

def grows(files):
    return len(bytearray(8 << 30)) > 0
"""


def python(name: str, timeout: float = 60) -> list[dict[str, Any]]:
    return [{"check": "python", "function": f"mine.py:{name}", "paths": [NOTE], "timeout": timeout}]


def suite() -> Swarm:
    """One task of each fate, for an oracle."""
    once = {"infra": 0}
    return swarm(
        task("good", *WRITES, checks=CHECKS, labels={"domain": "editor"}),
        task("wrong", {"open": ["notes", NOTE]}, checks=CHECKS, labels={"domain": "editor"}),
        task("killed", *WRITES, checks=CHECKS, retry=once),
        task("raises", *WRITES, checks=python("raises")),
        task("hangs", *WRITES, checks=python("hangs", timeout=1)),
        task("dies", *WRITES, checks=python("dies")),
        task("grows", *WRITES, checks=python("grows")),
        {**task("crashes", checks=CHECKS), "agent": program("raise SystemExit(3)")},
        {**task("babbles", checks=CHECKS), "agent": program(BABBLES)},
        task("spent", *WRITES, checks=CHECKS, total={"steps": 1}),
        {**task("impossible", feasible=False), "agent": gives_up()},
        {**task("pretends", feasible=False), "agent": {"kind": "script", "steps": []}},
    )


def program(text: str) -> dict[str, Any]:
    return {"kind": "process", "command": [sys.executable, "-c", text]}


def gives_up() -> dict[str, Any]:
    return {"kind": "script", "steps": [], "gives_up": "there is no such program"}


@pytest.fixture
def stocked(lab: Laboratory) -> Laboratory:
    (lab.folder / "mine.py").write_text(FUNCTIONS)
    lab.simulate(Fault(what="die", labels={"task": "killed"}))
    return lab


async def reported(lab: Laboratory, trials: Swarm) -> Report:
    state = await lab.run_swarm(trials)
    with closing(ArtifactStore(lab.home / ARTIFACTS)) as store:
        return report(state, store)


async def test_whatever_goes_wrong_is_told_with_its_cause(stocked: Laboratory) -> None:
    found = await reported(stocked, make_trials(suite(), "oracle", 1))
    assert {task.id: (task.outcome, task.cause) for task in found.tasks} == {
        "good": ("passed", ""),
        "wrong": ("failed", ""),
        "killed": ("not_scored", "infra"),
        "raises": ("not_scored", "evaluator"),
        "hangs": ("not_scored", "evaluator"),
        "dies": ("not_scored", "evaluator"),
        "grows": ("not_scored", "evaluator"),
        "crashes": ("not_scored", "agent_crashed"),
        "babbles": ("not_scored", "agent_crashed"),
        "spent": ("not_scored", "budget"),
        "impossible": ("passed", ""),
        "pretends": ("failed", ""),
    }
    assert (found.scored, found.score) == (4, 0.5)
    causes = "1 infra, 4 evaluator, 2 agent_crashed, 1 budget"
    assert found.average_over == f"4 of 12 tasks; not scored: {causes}"
    reasons = {task.id: task.attempts[-1].reason for task in found.tasks}
    assert "my own mistake" in reasons["raises"]
    assert "within 1 s" in reasons["hangs"]
    assert "MemoryError" in reasons["grows"]
    assert "I am done." in reasons["babbles"]
    [editor] = [group for group in found.groups if group.value == "editor"]
    assert (editor.label, editor.tasks, editor.score) == ("domain", 2, 0.5)
    assert found.latency.keys() == {"look", "agent", "act", "settle"}


async def test_a_killed_desktop_is_tried_again_and_both_attempts_are_told(stocked: Laboratory) -> None:
    stocked.simulate(Fault(what="die", labels={"task": "one"}, times=1))
    state = await stocked.run_swarm(make_trials(swarm(task("one", *WRITES, checks=CHECKS)), "oracle", 1))
    [one] = scored_tasks(state)
    assert (one.outcome, one.score) == ("passed", 1)
    assert [(attempt.outcome, attempt.cause) for attempt in one.attempts] == [
        ("not_scored", "infra"),
        ("passed", ""),
    ]


async def test_desktops_killed_more_often_than_is_tried_again_are_no_failing(stocked: Laboratory) -> None:
    stocked.simulate(Fault(what="die", labels={"task": "one"}))
    tasks = swarm(
        task("one", *WRITES, checks=CHECKS, retry={"infra": 2}), task("two", *WRITES, checks=CHECKS)
    )
    found = await reported(stocked, make_trials(tasks, "oracle", 1))
    one = found.tasks[0]
    assert [(attempt.outcome, attempt.cause) for attempt in one.attempts] == [("not_scored", "infra")] * 3
    assert (found.score, found.average_over) == (1, "1 of 2 tasks; not scored: 1 infra")


async def test_what_was_cancelled_or_never_begun_has_no_score(stocked: Laboratory) -> None:
    """Cancelled as soon as the second of three tasks has begun, one after the other."""
    waits = {"wait_for": {"role": "push button", "name": "Never", "timeout": 600}}
    tasks = swarm(task("done", *WRITES, checks=CHECKS), task("under-way", waits), task("waiting"), parallel=1)
    trials = make_trials(tasks, "oracle", 1)

    def cancel(record: Record, _state: RunState) -> None:
        stocked.records.append(record)
        if isinstance(record.event, DesktopLeased) and record.event.task == "under-way":
            scope.cancel()

    with anyio.CancelScope() as scope:
        await run_swarm(trials, stocked.folder, stocked.home, backend="simulated", on_event=cancel)
    with closing(ArtifactStore(stocked.home / ARTIFACTS)) as store:
        found = report(stocked.read(stocked.records[0].run), store)
    assert [(one.id, one.outcome, one.cause) for one in found.tasks] == [
        ("done", "passed", ""),
        ("under-way", "not_scored", "cancelled"),
        ("waiting", "not_scored", "cancelled"),
    ]
    assert found.average_over == "1 of 3 tasks; not scored: 2 cancelled"


async def test_repeats_of_a_flaky_task(stocked: Laboratory) -> None:
    stocked.simulate(Fault(what="die", labels={"task": "one.2"}))
    tasks = swarm(task("one", *WRITES, checks=CHECKS, retry={"infra": 0}))
    found = await reported(stocked, make_trials(tasks, "oracle", 3))
    [one] = found.tasks
    assert (one.outcome, one.passed, one.scored, one.cause) == ("passed", 2, 2, "infra")
    assert found.pass_hat == {1: 1, 2: 1}


async def test_two_runs_are_compared(stocked: Laboratory) -> None:
    tasks = [task(f"t{number}", *WRITES, checks=CHECKS) for number in range(6)]
    oracle, null = [await reported(stocked, make_trials(swarm(*tasks), who, 1)) for who in ("oracle", "null")]
    assert (oracle.score, null.score) == (1, 0)
    compared = compare(null, oracle)
    assert compared.scores == (0, 1)
    assert compared.p == pytest.approx(2 / 64)
    assert [one.task for one in compared.differing] == [f"t{number}" for number in range(6)]
    assert any("p = 0.0312" in line for line in comparison_lines(compared))


async def test_the_page_and_the_text_tell_the_same(stocked: Laboratory) -> None:
    odd = swarm(task("good", *WRITES, checks=CHECKS, labels={"domain": "<b>bold</b>"}))
    found = await reported(stocked, make_trials(odd, "oracle", 1))
    page = report_page([found], None)
    assert "<b>" not in page
    assert "&lt;b&gt;bold" in page
    assert "score 100.0% [20.7%, 100.0%], the mean of 1 of 1 tasks" in list(report_lines(found))[1]
