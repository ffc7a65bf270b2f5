"""The suite as a whole: what it holds, and that every check of it is tried."""

from __future__ import annotations

from collections import Counter

import pytest

from runner.spec import ScriptAgent
from sandboxes.desktop import Desktop
from tests.deskbench import media, office, small, web
from tests.deskbench.states import TASKS, State, passes

pytestmark = pytest.mark.anyio

GROUPS = (small, office, web, media)
RIGHT = {name: state for group in GROUPS for name, state in group.RIGHT.items()}
MISSES = {
    f"{name}: {what}": (name, state) for group in GROUPS for what, (name, state) in group.MISSES.items()
}
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
    misses = Counter(name for name, _ in MISSES.values())
    feasible = {task.id for task in TASKS.values() if task.feasible}
    assert set(RIGHT) == set(misses) == feasible
    assert {name for name in feasible if misses[name] < 2} == set()


@pytest.mark.parametrize("task", RIGHT)
async def test_work_done_right_passes(one_desktop: Desktop, task: str) -> None:
    assert await passes(one_desktop, task, RIGHT[task])


@pytest.mark.parametrize(("task", "state"), MISSES.values(), ids=MISSES)
async def test_a_near_miss_fails(one_desktop: Desktop, task: str, state: State) -> None:
    assert not await passes(one_desktop, task, state)


def test_an_agent_that_does_nothing_at_all_passes_no_infeasible_task() -> None:
    """It says that it is done; of those, one has to give up."""
    for task in TASKS.values():
        if not task.feasible:
            assert isinstance(task.agent, ScriptAgent)
            assert task.agent.gives_up, task.id
            assert not task.checks, task.id
