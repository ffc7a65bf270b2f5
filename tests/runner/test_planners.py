"""Planners: a file, a function, a model. Each is asked once for a run, and what it says is in the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.compile import compile_swarm
from runner.controller import run_swarm
from runner.errors import SpecError
from runner.events import RunStarted
from runner.load import load_swarm
from runner.spec import Swarm
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio
AGENTS = {"writer": {"kind": "script", "steps": [{"type": "hello"}, {"press": "ctrl+s"}]}}
MODEL = {"by": "model", "function": "planner:ask", "goal": "Close the month.", "tries": 3}


def planned(folder: Path, planner: dict[str, Any], code: str = "", **more: Any) -> Swarm:
    (folder / "planner.py").write_text(code)
    return Swarm.model_validate({"name": "test", "agents": AGENTS, "planner": planner, **more})


def ids(folder: Path, written: Swarm) -> list[str]:
    return [one.id for one in compile_swarm(written, folder).swarm.tasks]


def problem(folder: Path, written: Swarm) -> str:
    with pytest.raises(SpecError) as caught:
        compile_swarm(written, folder)
    return str(caught.value)


def model(*answers: str) -> str:
    """A planner.py whose model gives these answers in turn, and writes down what it was asked."""
    return (
        "import json, pathlib\n"
        f"ANSWERS = {list(answers)!r}\n"
        "asked = pathlib.Path(__file__).with_name('asked.jsonl')\n"
        "def ask(prompt, schema):\n"
        "    count = len(asked.read_text().splitlines()) if asked.exists() else 0\n"
        "    with asked.open('a') as file:\n"
        "        file.write(json.dumps([prompt, schema]) + '\\n')\n"
        "    return ANSWERS[count]\n"
    )


def asked(folder: Path) -> list[str]:
    return [json.loads(line)[0] for line in (folder / "asked.jsonl").read_text().splitlines()]


def answer(*ids: str, **more: Any) -> str:
    return json.dumps({"tasks": [{"id": one, "instruction": "x", "agent": "writer", **more} for one in ids]})


def test_tasks_from_a_file(tmp_path: Path) -> None:
    line = "  - {{id: {}, instruction: x, agent: writer, after: [{}]}}\n"
    text = f"tasks:\n{line.format('a', '')}{line.format('b', 'a')}"
    (tmp_path / "tasks.yaml").write_text(text)
    written = planned(tmp_path, {"by": "file", "path": "tasks.yaml"})
    assert ids(tmp_path, written) == ["a", "b"]
    assert compile_swarm(written, tmp_path).plan.planner == "file tasks.yaml"
    (tmp_path / "tasks.yaml").write_text(text.replace("instruction", "instuction", 1))
    assert "tasks.yaml:2:13: tasks[0].instuction: no such field; did you mean 'instruction'?" in problem(
        tmp_path, written
    )


def test_a_bad_file_of_tasks_is_told_when_the_swarm_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "tasks.yaml").write_text("tasks: []\n")
    (tmp_path / "swarm.yaml").write_text("name: a\nplanner: {by: file, path: tasks.yaml}\n")
    with pytest.raises(SpecError, match=r"swarm\.yaml:2:10: planner: tasks\.yaml:1:8: tasks: "):
        load_swarm(tmp_path / "swarm.yaml")


def test_tasks_from_a_function(tmp_path: Path) -> None:
    code = (
        "from runner.spec import Task\n"
        "def plan(swarm):\n"
        "    agent = next(iter(swarm.agents))\n"
        "    return [Task(id=f'n{n}', instruction='x', agent=agent) for n in range(3)]\n"
    )
    assert ids(tmp_path, planned(tmp_path, {"by": "python", "function": "planner:plan"}, code)) == [
        "n0",
        "n1",
        "n2",
    ]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("planner:plan", "planner.function: 'planner:plan' — ZeroDivisionError: division by zero"),
        ("planner:plans", "did you mean 'plan'?"),
        ("planer:plan", "no planer.py beside the swarm file, and no such module"),
        ("planner:nothing", "planner:nothing: tasks: "),
        ("planner:wrong", "planner:wrong: tasks[0].instruction: missing"),
    ],
)
def test_a_function_that_makes_no_tasks_is_told(tmp_path: Path, function: str, message: str) -> None:
    code = (
        "def plan(swarm): 1 / 0\n"
        "def nothing(swarm): return []\n"
        "def wrong(swarm): return {'tasks': [{'id': 'a', 'agent': 'writer'}]}\n"
    )
    assert message in problem(tmp_path, planned(tmp_path, {"by": "python", "function": function}, code))


def test_a_model_is_told_the_goal_the_schema_and_who_is_there(tmp_path: Path) -> None:
    written = planned(tmp_path, MODEL, model(answer("a")), pattern="pipeline")
    assert ids(tmp_path, written) == ["a"]
    [prompt] = asked(tmp_path)
    assert "Close the month." in prompt
    assert "agents: writer" in prompt
    assert "one after the other" in prompt
    assert '"ModelTask"' in prompt


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("Here is the plan:", "invalid JSON"),
        (answer("a", agent="nobody"), "no agent is named 'nobody'"),
        (answer("a", "b", after=["a"]), "wait for each other"),
        (answer("a").replace('"writer"', '{"kind": "process", "command": ["rm"]}'), "tasks[0].agent"),
        (answer("a", judges={"panel": [{"name": "j", "command": ["rm"]}]}), "tasks[0].judges: no such field"),
        (answer("a", checks=[{"check": "python", "function": "x.py:f", "paths": ["~/x"]}]), "'python'"),
        (answer("a", outputs={"o": {"path": "~/o", "schema": {"type": 5}}}), "not a JSON Schema"),
    ],
)  # fmt: skip
def test_a_model_whose_answer_does_not_do_is_told_why_and_asked_again(
    tmp_path: Path, bad: str, why: str
) -> None:
    assert ids(tmp_path, planned(tmp_path, MODEL, model(bad, answer("good")))) == ["good"]
    first, second = asked(tmp_path)
    assert second.startswith(first)
    assert why in second.removeprefix(first)


def test_a_model_is_not_asked_for_ever(tmp_path: Path) -> None:
    message = problem(tmp_path, planned(tmp_path, {**MODEL, "tries": 2}, model("no", "no", answer("a"))))
    assert message.startswith("planner:ask, after 2 answers: ")
    assert len(asked(tmp_path)) == 2


def test_either_tasks_or_a_planner() -> None:
    with pytest.raises(ValueError, match="either `tasks`"):
        Swarm.model_validate({"name": "a", "planner": {"by": "file", "path": "x"}, "tasks": [task("a")]})


async def test_a_run_asks_once_and_journals_what_it_was_told(lab: Laboratory) -> None:
    written = planned(lab.folder, MODEL, model(answer("a", "b"), answer("other")))
    (lab.folder / "swarm.yaml").write_text(json.dumps(written.model_dump(mode="json", exclude_defaults=True)))
    loaded = load_swarm(lab.folder / "swarm.yaml")
    assert not (lab.folder / "asked.jsonl").exists(), "loading asks nobody"
    summary = await run_swarm(
        loaded.swarm,
        lab.folder,
        lab.home,
        backend="simulated",
        on_event=lambda record, _: lab.records.append(record),
    )
    assert summary.status == "succeeded"
    assert len(asked(lab.folder)) == 1
    started = lab.records[0].event
    assert isinstance(started, RunStarted)
    assert [one.id for one in started.swarm.tasks] == ["a", "b"]
    assert started.plan.planner == "model planner:ask"
