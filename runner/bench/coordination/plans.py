"""The benchmark's plans: of all three patterns in turn, of varied size, the same from the same seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

from runner.bench.coordination.books import KINDS, Books, Row, books, ledger, schema
from runner.bench.coordination.faults import READER_MISSES, READER_OBJECTS, draw_fault, of_attempt
from runner.spec import Swarm

SCREEN = {"screen": {"width": 320, "height": 240}}
STEPS = 30
"""Of an attempt: twice what the longest work takes. Without safeguards an agent is stopped there too."""
RETRIES = 4
READERS = ("ann", "ben", "cho")
MOST_ATTEMPTS = 8
"""At a task, before the loops that the arbitrator sees end it."""


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """A swarm, the files it names, and what only the one who counts may know: `final` is the task whose work
    is the run's result, and `truth` what that must be."""

    number: int
    seed: int
    swarm: Swarm
    files: Mapping[str, str]
    final: str
    truth: Books

    def write(self, folder: Path) -> None:
        folder.mkdir()
        for name, content in self.files.items():
            (folder / name).write_text(content)


def make_plan(number: int, seed: int) -> BenchPlan:
    random = Random(f"{seed}/{number}")
    build = (_pipeline, _swarm, _hierarchy)[number % 3]
    return _Builder(number, seed, random, f"2026-{random.randint(1, 12):02}").plan(build)


class _Builder:
    def __init__(self, number: int, seed: int, random: Random, period: str) -> None:
        self.number, self.seed, self.random, self.period = number, seed, random, period
        self.rows: list[Row] = []
        self.names = ["report", "lead"]
        self.files = {
            "judge.awk": files(__package__).joinpath("judge.awk").read_text(),
            "kinds.txt": "".join(f"{what};{kind}\n" for what, kind in KINDS.items()),
        }

    def plan(self, build: Callable[[_Builder], dict[str, Any]]) -> BenchPlan:
        written = build(self)
        final = written.pop("final")
        retry = {"infra": 2, "agent": RETRIES, "contract": RETRIES, "timeout": RETRIES, "budget": RETRIES}
        again = {"answers": {"contract.conflict": ["retry_fresh"] * RETRIES}}
        for task in written["tasks"]:
            task.update(desktop=SCREEN, retry=retry, budget={"steps": STEPS}, allow={"commands": ["notes"]})
        swarm = Swarm.model_validate(
            {"name": f"plan-{self.number}", "policy": {"max_attempts": MOST_ATTEMPTS, **again}, **written}
        )
        self.files["judges.txt"] = "".join(self._slips())
        return BenchPlan(self.number, self.seed, swarm, self.files, final, books(self.period, self.rows))

    def ledger(self, name: str, width: int = 4) -> int:
        """A new file of rows, for the task of that name; how many."""
        count = self.random.randint(2, width)
        rows = [self._row(f"{name}{index}") for index in range(count)]
        self.rows += rows
        self.names.append(name)
        self.files[f"{name}.txt"] = ledger(rows)
        return count

    def _row(self, id_: str) -> Row:
        return Row(id=id_, what=self.random.choice(list(KINDS)), amount=self.random.randint(2, 99))

    def task(self, id_: str, rows: int | str, **more: Any) -> dict[str, Any]:
        """A task that files rows; what it took them from is shown to the judges with its work."""
        ref = f"{id_}: {rows} rows"
        return {
            "id": id_,
            "instruction": f"Period {self.period}. File all rows you are given, with their kinds and sum.",
            "agent": "clerk",
            "judges": {"panel": [_judge(name) for name in READERS]},
            **more,
            "outputs": {
                "work": {"path": "~/work.json", "schema": schema(self.period, ref)},
                **more.get("outputs", {}),
            },
        }

    def _slips(self) -> list[str]:
        """How the readers err: known before anybody has done anything, and to nobody but them."""
        lines = []
        for task in self.names:
            for attempt in range(1, MOST_ATTEMPTS + 1):
                fault = draw_fault(of_attempt(self.number, task, attempt, self.seed))
                for reader in READERS:
                    random = of_attempt(self.number, task, attempt, self.seed, reader)
                    misled = fault == "verifies_wrongly" and reader == READERS[0]
                    if misled or random.random() < READER_MISSES:
                        lines.append(f"{task} {attempt} {reader} misses\n")
                    if random.random() < READER_OBJECTS:
                        lines.append(f"{task} {attempt} {reader} objects\n")
        return lines


def _judge(name: str) -> dict[str, Any]:
    return {"name": name, "command": ["awk", "-v", f"judge={name}", "-f", "judge.awk"]}


def _source(name: str) -> dict[str, Any]:
    """A ledger as the input of a task, and as evidence of what it worked from."""
    return {
        "inputs": {"ledger": {"file": f"{name}.txt", "to": "~/in/ledger.txt"}},
        "outputs": {"source": {"path": "~/in/ledger.txt", "fresh": False}},
    }


def _takes(name: str) -> dict[str, Any]:
    return {name: {"artifact": f"{name}.work", "to": f"~/in/{name}.json"}}


_AGENTS = {"clerk": {"kind": "process", "command": ["clerk"]}}
_READ = {"must_read": True}


def _pipeline(made: _Builder) -> dict[str, Any]:
    """Each stage files a ledger of its own on top of what it is given."""
    names = [f"stage{index}" for index in range(made.random.randint(3, 6))]
    tasks: list[dict[str, Any]] = []
    rows = 0
    for before, name in zip([None, *names], names, strict=False):
        rows += made.ledger(name)
        task = made.task(name, rows, **_source(name))
        if before is not None:
            task["inputs"].update(_takes(before))
            task["handoffs"] = {before: _READ}
        tasks.append(task)
    return {"pattern": "pipeline", "agents": _AGENTS, "tasks": tasks, "final": names[-1]}


def _swarm(made: _Builder) -> dict[str, Any]:
    """A task for each row of a table of ledgers, and one that puts all of them together."""
    keys = [str(index) for index in range(made.random.randint(3, 6))]
    counts = {key: made.ledger(f"file.{key}") for key in keys}
    made.files["ledgers.csv"] = "n,count\n" + "".join(f"{key},{counts[key]}\n" for key in keys)
    file = made.task("file", "{row.count}", **_source("file.{row.n}"), each="ledgers")
    file["outputs"]["work"]["schema"] = schema(made.period, "file.{row.n}: {row.count} rows")
    report = made.task("report", sum(counts.values()))
    report["inputs"] = {"works": {"artifact": "file.work", "to": "~/in/{row.n}.json"}}
    report["handoffs"] = {"file": _READ}
    maps = {"ledgers": {"rows": "ledgers.csv", "key": "n"}}
    return {"agents": _AGENTS, "map": maps, "tasks": [file, report], "final": "report"}


def _hierarchy(made: _Builder) -> dict[str, Any]:
    """A lead briefs each specialist, and puts together what they report."""
    names = [f"desk{index}" for index in range(made.random.randint(2, 5))]
    counts = {name: made.ledger(name) for name in names}
    lead = made.task("lead", sum(counts.values()), lead={"brief_tokens": 100, "report_tokens": 500})
    lead["handoffs"] = dict.fromkeys(names, _READ)
    tasks = [lead]
    for name in names:
        task = made.task(name, counts[name], **_source(name), reports_to="lead")
        task["instruction"] = "File all rows you are given, with their kinds and sum."
        tasks.append(task)
    return {"pattern": "hierarchy", "agents": _AGENTS, "tasks": tasks, "final": "lead"}
