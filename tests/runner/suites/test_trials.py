"""From a suite to its trials, and what a suite may not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import SpecError
from runner.spec import ProcessAgent, ScriptAgent
from runner.suites.trials import choose_tasks, make_trials
from sandboxes.errors import InputError
from tests.runner.laboratory import swarm, task


def test_every_task_is_tried_so_often_by_the_agent() -> None:
    suite = swarm(task("one", labels={"domain": "editor"}), task("two"))
    trials = make_trials(suite, "null", 2)
    assert [one.id for one in trials.tasks] == ["one.1", "two.1", "one.2", "two.2"]
    assert trials.tasks[2].labels == {"domain": "editor", "task": "one", "repeat": "2", "agent": "null"}
    assert all(isinstance(one.agent, ScriptAgent) and not one.agent.steps for one in trials.tasks)


def test_the_oracle_is_each_tasks_own_script() -> None:
    suite = swarm(task("one"))
    [trial] = make_trials(suite, "oracle", 1).tasks
    assert (trial.id, trial.agent) == ("one", suite.tasks[0].agent)


def test_an_agent_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("agent: {kind: process, command: [./agent]}\n")
    [trial] = make_trials(swarm(task("one")), str(path), 1).tasks
    assert isinstance(trial.agent, ProcessAgent)
    assert trial.labels["agent"] == "mine"
    path.write_text("agent: {kind: proces, command: [./agent]}\n")
    with pytest.raises(SpecError, match="proces"):
        make_trials(swarm(task("one")), str(path), 1)


def test_an_unknown_agent_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="--agent: 'nobody' is none of oracle, null"):
        make_trials(swarm(task("one")), "nobody", 1)


def test_tasks_that_wait_for_each_other_are_no_suite() -> None:
    with pytest.raises(SpecError, match="do not wait for each other"):
        make_trials(swarm(task("one"), task("two", after=["one"])), "null", 1)


def test_the_labels_of_trials_are_not_the_suites_to_give() -> None:
    with pytest.raises(SpecError, match=r"labels\.repeat"):
        make_trials(swarm(task("one", labels={"repeat": "3"})), "null", 1)


def test_some_tasks_of_a_suite_can_be_chosen() -> None:
    suite = swarm(task("one"), task("two"), task("three"))
    assert [one.id for one in choose_tasks(suite, ["three", "one"]).tasks] == ["one", "three"]
    assert choose_tasks(suite, []) == suite
    with pytest.raises(InputError, match="did you mean 'two'"):
        choose_tasks(suite, ["tow"])
