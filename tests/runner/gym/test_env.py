"""Suites as environments of Gymnasium's API, on real desktops."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from runner.gym import ID, DeskswarmEnv
from runner.gym.space import Actions, NotAnAction, read_action
from runner.journal import Journal
from runner.state import fold
from sandboxes.errors import InfraError, InputError
from sandboxes.spec import Screen

TASK = """
  - id: {id}
    instruction: Write "grün" into ~/note.txt.
    agent: {{kind: script, steps: []}}
    desktop: {{image: slim, screen: {{width: 640, height: 480}}}}
    inputs: {{old: {{file: old.txt, to: ~/old.txt}}}}
    {more}
"""
CHECKS = (
    "checks: [{check: text, path: ~/note.txt, equals: grün}, {check: text, path: ~/old.txt, equals: old}]"
)
SUITE = (
    "name: three\ntasks:"
    + TASK.format(id="note", more=CHECKS)
    + TASK.format(id="impossible", more="feasible: false")
    + TASK.format(id="hopeless", more='setup: [{focus: {title: "no such window", timeout: 0.5}}]')
)
WRITE = json.dumps({"open": ["sh", "-c", "printf grün > ~/note.txt"]})
DONE, GIVES_UP = '{"say": "done"}', '{"say": "failed", "reason": "it cannot be done"}'


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE)
    (tmp_path / "old.txt").write_text("old")
    return path


@pytest.fixture
def works(home: Path, needs_image: Callable[[str], None]) -> Path:
    needs_image("slim")
    return home


def test_gymnasiums_checker_passes(suite: Path, works: Path) -> None:
    env = gymnasium.make(ID, suite=suite, home=works, task="note", render_mode="rgb_array")
    try:
        check_env(env.unwrapped)
    finally:
        env.close()


def test_an_episode_is_scored_by_the_tasks_own_checks(suite: Path, works: Path) -> None:
    env = DeskswarmEnv(suite, home=works)
    try:
        observation, told = env.reset(options={"task": "note"})
        assert observation["instruction"] == 'Write "grün" into ~/note.txt.'
        assert observation["screenshot"].shape == (480, 640, 3)
        assert observation in env.observation_space
        assert env.step("click it")[1:] == (
            0,
            False,
            False,
            {"error": "no JSON: Expecting value: line 1 column 1 (char 0)"},
        )
        assert "no-such-program" in env.step('{"open": ["no-such-program"]}')[4]["error"]
        assert env.step(WRITE)[1:] == (0, False, False, {})
        assert env.step(DONE)[1:] == (1, True, False, {"outcome": "passed", "cause": "", "reason": ""})
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(DONE)
        with Journal(works) as journal:
            assert fold(journal.read(told["run"])).tasks["note"].status == "succeeded"
        env.reset(options={"task": "note"})
        assert env.step(DONE)[1:3] == (0, True)
        env.reset(options={"task": "impossible"})
        assert env.step(GIVES_UP)[1:3] == (1, True)
    finally:
        env.close()


def test_each_environment_has_a_desktop_of_its_own(suite: Path, works: Path) -> None:
    first, second = (DeskswarmEnv(suite, home=works, task="note", max_steps=2) for _ in range(2))
    try:
        first.reset()
        second.reset()
        first.step(WRITE)
        assert second.step(DONE)[1] == 0
        assert first.step("no action")[1:4] == (0, False, True)
    finally:
        first.close()
        second.close()


def test_a_set_up_that_fails_is_the_desktops_failure(suite: Path, works: Path) -> None:
    env = DeskswarmEnv(suite, home=works, task="hopeless")
    with pytest.raises(InfraError, match=r"setup\[0\]: focus"):
        env.reset()
    env.close()


def test_what_is_asked_for_wrongly_is_told(suite: Path, tmp_path: Path) -> None:
    env = DeskswarmEnv(suite, home=tmp_path)
    with pytest.raises(InputError, match="did you mean 'note'"):
        env.reset(options={"task": "nota"})
    with pytest.raises(InputError, match="none of the suite's"):
        DeskswarmEnv(suite, home=tmp_path, task="other")
    with pytest.raises(InputError, match="rgb_array"):
        DeskswarmEnv(suite, home=tmp_path, render_mode="human")
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(DONE)
    env.close()


def test_every_sample_is_an_action() -> None:
    space = Actions(Screen(), seed=1)
    samples = [space.sample() for _ in range(300)]
    assert all(sample in space for sample in samples)
    verbs = {next(iter(json.loads(sample))) for sample in samples}
    assert {"click", "drag", "scroll", "type", "press", "say"} <= verbs
    assert [Actions(Screen(), seed=1).sample()] == samples[:1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"click": {}}',
        '{"say": "sing"}',
        '{"say": "act", "actions": []}',
        "[" * 9999,
        7,
        np.int64(3),
    ],
)
def test_what_is_no_action_is_refused(text: Any) -> None:
    with pytest.raises(NotAnAction):
        read_action(text)
    assert text not in Actions(Screen())
