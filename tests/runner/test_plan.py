"""Plans: the graph, its hashes, and every way a swarm can be impossible, each with its place."""

from __future__ import annotations

from typing import Any

import pytest

from runner.errors import Loc, SpecError
from runner.graph import Reference
from runner.plan import make_plan
from tests.runner.laboratory import swarm, task

NOTE = {"note": {"path": "~/note.txt"}}


def takes(artifact: str, to: str = "~/in.txt") -> dict[str, Any]:
    return {"inputs": {"given": {"artifact": artifact, "to": to}}}


def test_edges_come_from_after_and_from_inputs() -> None:
    plan = make_plan(
        swarm(
            task("last", after=["middle"], **takes("first.note")), task("middle"), task("first", outputs=NOTE)
        )
    )
    planned = {node.id: node for node in plan.tasks}
    assert planned["last"].needs == ("middle", "first")
    assert planned["last"].artifacts == {"given": Reference(task="first", output="note")}
    assert [node.id for node in plan.tasks][-1] == "last"


def test_a_name_with_dots_is_resolved() -> None:
    plan = make_plan(swarm(task("a.b", outputs={"c.d": {"path": "~/x"}}), task("z", **takes("a.b.c.d"))))
    assert plan.tasks[-1].artifacts["given"] == Reference(task="a.b", output="c.d")


def test_a_hash_is_stable_and_covers_what_is_needed() -> None:
    def hashes(text: str) -> dict[str, str]:
        plan = make_plan(swarm(task("a", {"type": text}), task("b", after=["a"]), task("c")))
        return {node.id: node.hash for node in plan.tasks}

    assert hashes("one") == hashes("one")
    changed = {name for name in "abc" if hashes("one")[name] != hashes("two")[name]}
    assert changed == {"a", "b"}


def test_a_hash_covers_the_agent_that_is_named() -> None:
    def hash_of(text: str) -> str:
        agent = {"kind": "script", "steps": [{"type": text}]}
        named = {**task("a"), "agent": "writer"}
        return make_plan(swarm(named, agents={"writer": agent})).tasks[0].hash

    assert hash_of("one") == hash_of("one") != hash_of("two")


@pytest.mark.parametrize(
    ("tasks", "loc", "message"),
    [
        ([task("a"), task("a")], ("tasks", 1, "id"), "earlier task"),
        ([{**task("a"), "agent": "riter"}], ("tasks", 0, "agent"), "did you mean 'writer'"),
        ([task("a"), task("b", after=["aa"])], ("tasks", 1, "after", 0), "no task has the id 'aa'"),
        ([task("a", after=["a"])], ("tasks", 0), "a after a"),
        (
            [task("x"), task("a", after=["b"]), task("b", after=["c"]), task("c", after=["a"])],
            ("tasks", 1),
            "wait for each other",
        ),
        (
            [task("a", **takes("b.note"))],
            ("tasks", 0, "inputs", "given", "artifact"),
            "no task has the output",
        ),
        (
            [task("b", outputs=NOTE), task("a", **takes("b.nope"))],
            ("tasks", 1, "inputs", "given", "artifact"),
            "did you mean 'b.note'",
        ),
        (
            [
                task("a", outputs={"b.c": {"path": "~/x"}}),
                task("a.b", outputs={"c": {"path": "~/x"}}),
                task("z", **takes("a.b.c")),
            ],
            ("tasks", 2, "inputs", "given", "artifact"),
            "several tasks",
        ),
        (
            [task("a", inputs={"i": {"to": "~/x"}})],
            ("tasks", 0, "inputs", "i"),
            "one of `file` and `artifact`",
        ),
        (
            [task("a", inputs={"i": {"file": "f", "to": "~/x"}, "j": {"file": "g", "to": "~/./x"}})],
            ("tasks", 0, "inputs", "j", "to"),
            "another input",
        ),
        ([task("a", budget={"steps": 1})], ("tasks", 0, "budget", "steps"), "a script of 2"),
        (
            [{**task("a", budget={"wall_s": 99}), "desktop": {"limits": {"lifetime_s": 60}}}],
            ("tasks", 0, "budget", "wall_s"),
            "the 60 s the desktop lives",
        ),
    ],
)
def test_a_problem_has_its_place(tasks: list[dict[str, Any]], loc: Loc, message: str) -> None:
    agents = {"writer": {"kind": "script", "steps": [{"type": "x"}]}}
    with pytest.raises(SpecError) as caught:
        make_plan(swarm(*tasks, agents=agents))
    found = {problem.loc: problem.message for problem in caught.value.problems}
    assert message in found[loc]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        make_plan(swarm(task("a", after=["x"]), task("b", after=["y"]), {**task("c"), "agent": "z"}))
    assert len(caught.value.problems) == 3
