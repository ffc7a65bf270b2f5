"""The suite as a whole: what it holds, and that every check of it is tried."""

from __future__ import annotations

from collections import Counter

from runner.load import load_swarm
from runner.spec import ScriptAgent
from tests.deskbench import test_media, test_office, test_small, test_web

GROUPS = (test_small, test_office, test_web, test_media)
TASKS = {task.id: task for task in load_swarm("deskbench").swarm.tasks}
DOMAINS = {
    "editor",
    "file manager",
    "terminal",
    "calc",
    "writer",
    "impress",
    "browser",
    "gimp",
    "vlc",
    "several applications",
}
LONG = 30


def steps_of(name: str) -> int:
    agent = TASKS[name].agent
    assert isinstance(agent, ScriptAgent), name
    return len(agent.steps)


def test_it_is_as_wide_and_as_deep_as_it_says() -> None:
    assert len(TASKS) >= 60
    assert {task.labels["domain"] for task in TASKS.values()} == DOMAINS
    assert {task.labels["level"] for task in TASKS.values()} == {"1", "2", "3"}
    assert sum(not task.feasible for task in TASKS.values()) >= 6
    assert sum(steps_of(name) >= LONG for name in TASKS) >= 4


def test_each_task_is_tried_done_right_and_nearly_so() -> None:
    right = Counter(name for group in GROUPS for name in group.RIGHT)
    misses = Counter(name for group in GROUPS for name, _ in group.MISSES.values())
    feasible = {task.id for task in TASKS.values() if task.feasible}
    assert set(right) == set(misses) == feasible
    assert {name for name in feasible if right[name] != 1 or misses[name] < 2} == set()


def test_an_agent_that_does_nothing_at_all_passes_no_infeasible_task() -> None:
    """It says that it is done; of those, one has to give up."""
    for task in TASKS.values():
        if not task.feasible:
            assert isinstance(task.agent, ScriptAgent)
            assert task.agent.gives_up, task.id
            assert not task.checks, task.id
