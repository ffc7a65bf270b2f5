"""A benchmark whose controller is killed again and again reports what an undisturbed one does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from subprocess import PIPE
from typing import Any

import pytest

from runner.events import TaskEnded
from runner.journal import Journal, Record
from sandboxes.simulation.settings import FILE_NAME, Delay, Fault, Simulation
from tests.runner.laboratory import SMALL
from tests.runner.suites.commands import COMMAND, bench, environment

KILLS, SEED = 5, 1
REPEATS = 2
FURTHER = (6, 40)
"""A controller is killed after so many more events, each number in between as likely as any other."""
DEADLINE_S = 300
OPENED = "opened"
NOTE = "~/note.txt"
WRITES = ({"open": ["notes", NOTE]}, {"type": "hello"}, {"type": " and more"}, {"press": "ctrl+s"})
WAITS = """
import json, os, sys, time
controller = os.getppid()
next(sys.stdin)
next(sys.stdin)
while not os.path.exists("opened") and os.getppid() == controller:
    time.sleep(0.02)
print(json.dumps({"say": "done"}), flush=True)
"""
RAISES = "def raises(files):\n    raise ValueError('my own mistake')\n"


def task(id_: str, *steps: object, **more: Any) -> dict[str, Any]:
    agent = {"kind": "script", "steps": steps}
    check = {"check": "text", "path": NOTE, "equals": "hello and more"}
    both = {"instruction": "Write a note.", "desktop": SMALL, "labels": {"level": "1"}}
    return {"id": id_, **both, "agent": agent, "checks": [check], "retry": {"infra": 2}, **more}


def suite() -> dict[str, Any]:
    """Work of every fate. `gate` is under way until the file OPENED is there, so that no run ends before its
    last kill, however slow we are."""
    python = {"check": "python", "function": "mine.py:raises", "paths": [NOTE]}
    gives_up = {"kind": "script", "steps": [], "gives_up": "there is no such program"}
    tasks = [
        task("gate", agent={"kind": "process", "command": [sys.executable, "waits.py"]}, checks=[]),
        task("good", *WRITES),
        task("wrong", *WRITES[:2], WRITES[3], labels={"level": "2"}),
        task("once", *WRITES, labels={"level": "2"}),
        task("always", *WRITES, labels={"level": "2"}),
        task("raises", *WRITES, checks=[python]),
        task("crashes", agent={"kind": "process", "command": [sys.executable, "-c", "raise SystemExit(3)"]}),
        task("spent", *WRITES, total={"steps": 1}),
        task("impossible", agent=gives_up, feasible=False, checks=[]),
    ]
    return {"name": "fates", "tasks": tasks}


class Bench:
    """A home and a suite of their own, and its run."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder = folder / "home", folder / "suite"
        for one in (self.home, self.folder):
            one.mkdir(parents=True)
        faults = (
            *(Fault(what="die", labels={"task": f"once.{n}", "attempt": "1"}, at_action=2) for n in (1, 2)),
            *(Fault(what="die", labels={"task": f"always.{n}"}, at_action=2) for n in (1, 2)),
        )
        simulation = Simulation(faults=faults, latency={"*": Delay(median_s=0.01, sigma=0.5)})
        (self.home / FILE_NAME).write_text(simulation.model_dump_json())
        (self.folder / "waits.py").write_text(WAITS)
        (self.folder / "mine.py").write_text(RAISES)
        (self.folder / "suite.yaml").write_text(json.dumps(suite()))

    def open_gate(self) -> None:
        (self.folder / OPENED).touch()

    @property
    def beginning(self) -> list[str]:
        options = ["--agent", "oracle", "--backend", "simulated", "--repeat", str(REPEATS), "--parallel", "4"]
        return [str(self.folder / "suite.yaml"), *options]

    def report(self, run: str) -> dict[str, Any]:
        [found] = json.loads(bench(self.home, "report", run, "--json"))["reports"]
        return dict(found)


@contextmanager
def controller(home: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """One that is not there any more after the block."""
    with subprocess.Popen([*COMMAND, *words], env=environment(home), stdout=PIPE, stderr=PIPE) as process:
        yield process
        process.kill()


def killed(home: Path, random: Random, *words: str) -> str:
    """A controller, killed in the middle of whatever it does after some more events, or as soon as nothing
    but the gate is left to do; its run."""
    with Journal(home) as journal, controller(home, *words) as process:
        before = len(events(journal))
        wanted = before + random.randint(*FURTHER)
        until = time.monotonic() + DEADLINE_S
        while not (before < len(found := events(journal)) and (len(found) >= wanted or only_gate(found))):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, found[-1]
            time.sleep(0.01)
        process.kill()
        return found[0].run


def events(journal: Journal) -> list[Record]:
    return [record for run in journal.runs() for record in journal.read(run)]


def only_gate(records: list[Record]) -> bool:
    return sum(isinstance(record.event, TaskEnded) for record in records) == REPEATS * (
        len(suite()["tasks"]) - 1
    )


def told(report: dict[str, Any]) -> dict[str, Any]:
    """A report without times, the run's id, and attempts without a score: each kill makes some of these."""
    rest = {key: value for key, value in report.items() if key not in ("run", "latency")}
    rest["spreads"] = {name: one for name, one in report["spreads"].items() if name != "seconds"}
    rest["tasks"] = [{**one, "attempts": scored(one["attempts"])} for one in report["tasks"]]
    return rest


def scored(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = ("repeat", "outcome", "cause", "reason", "steps", "tokens", "money")
    return [{key: one[key] for key in kept} for one in attempts if one["outcome"] != "not_scored"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    one = Bench(tmp_path_factory.mktemp("undisturbed"))
    one.open_gate()
    return one.report(json.loads(bench(one.home, *one.beginning, "--json"))["run"])


def test_the_undisturbed_run_has_work_of_every_fate(undisturbed: dict[str, Any]) -> None:
    assert {one["id"]: (one["outcome"], one["cause"]) for one in undisturbed["tasks"]} == {
        "gate": ("passed", ""),
        "good": ("passed", ""),
        "wrong": ("failed", ""),
        "once": ("passed", ""),
        "always": ("not_scored", "infra"),
        "raises": ("not_scored", "evaluator"),
        "crashes": ("not_scored", "agent_crashed"),
        "spent": ("not_scored", "budget"),
        "impossible": ("passed", ""),
    }
    assert undisturbed["scored"] == 5


def test_killed_five_times_it_reports_the_same(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    one, random = Bench(tmp_path), Random(SEED)
    run = killed(one.home, random, *one.beginning)
    for _ in range(KILLS - 1):
        assert killed(one.home, random, "resume", run) == run
    one.open_gate()
    bench(one.home, "resume", run)
    found = one.report(run)
    assert told(found) == told(undisturbed)
    cut = [each for task in found["tasks"] for each in task["attempts"] if each["cause"] == "cancelled"]
    assert len(cut) >= KILLS
