"""A suite as an environment: an episode is a task, on a fresh desktop; the reward is that of its checks."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from runner.agents.base import Decision, Look, View
from runner.errors import suggest
from runner.gym.episodes import Ended
from runner.gym.space import Actions, NotAnAction, read_action
from runner.gym.stage import Stage
from runner.load import load_swarm
from runner.spec import Swarm, Task
from sandboxes.errors import InputError
from sandboxes.frame import Frame
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND
from sandboxes.spec import Screen

ID = "deskswarm/Suite-v0"

Observation = dict[str, Any]
Pixels = NDArray[np.uint8]


class DeskswarmEnv(gymnasium.Env[Observation, str]):
    """One desktop at a time, of a task of the suite's own choice or of `reset`'s option `task`.

    An observation has `screenshot`, of shape (height, width, 3) in RGB, and `instruction`. An action is JSON
    (`runner.gym.space`). The reward is 1 where the agent says `done` and all of the task's checks pass, or
    `failed` of what cannot be done; else 0. `truncated` tells of `max_steps`, of the task's budget, and of a
    desktop that was lost. An action that is none costs a step, as does one that fails: `info["error"]` says
    why. Raises InputError for a wrong argument, InfraError where no desktop comes up.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 4}  # type: ignore[misc]

    def __init__(
        self,
        suite: Swarm | str | Path,
        *,
        task: str | None = None,
        folder: Path | None = None,
        backend: str = DEFAULT_BACKEND,
        home: Path | None = None,
        max_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        """`suite` is a swarm file, the name of a bundled one, or a Swarm, whose files then lie in `folder`.
        Every episode is of `task`, where it is given. `max_steps` takes the place of tasks' own budgets."""
        if isinstance(suite, Swarm):
            swarm, self._folder = suite, folder or Path.cwd()
        else:
            loaded = load_swarm(suite)
            swarm, self._folder = loaded.swarm, loaded.folder
        self._tasks = {one.id: one for one in swarm.tasks}
        if task is not None:
            self._tasks = {task: self._find(task)}
        self._backend = backend
        self._home = home or find_home()
        self._max_steps = max_steps
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise InputError(f"render_mode: {render_mode!r} is not rgb_array")
        self.render_mode = render_mode
        self._stage: Stage | None = None
        self._view: View | None = None
        self._going = False
        self._steps = self._limit = 0
        screen = _one_screen(list(self._tasks.values()))
        self.action_space = Actions(screen)
        self.observation_space = spaces.Dict(
            {
                "screenshot": spaces.Box(0, 255, (screen.height, screen.width, 3), np.uint8),
                "instruction": _texts([one.instruction for one in self._tasks.values()]),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A fresh desktop, with a task that the seed chooses, or `options["task"]`."""
        super().reset(seed=seed)
        asked = (options or {}).get("task")
        names = list(self._tasks)
        task = self._find(asked) if asked else self._tasks[names[int(self.np_random.integers(len(names)))]]
        if self._stage is None:
            self._stage = Stage(self._home, self._folder, self._backend)
        self._steps, self._limit = 0, self._max_steps or task.budget.steps
        self._going = False
        self._view = self._stage.call(self._stage.episodes.begin, task, self._limit)
        self._going = True
        return self._observation(), {"task": task.id, "run": self._stage.episodes.run}

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if self._stage is None or not self._going:
            raise gymnasium.error.ResetNeeded("there is no episode; call reset()")
        self._steps += 1
        decision, error = _read(action)
        came = self._stage.call(self._stage.episodes.say, decision)
        if isinstance(came, View):
            self._view = came
            error = error or next((one.error for one in came.last if one.error), "")
            if self._steps < self._limit:
                return self._observation(), 0.0, False, False, {"error": error} if error else {}
            self._stage.call(self._stage.episodes.end)
            came = Ended("not_scored", "budget", f"{self._limit} steps are used up")
        self._going = False
        scored = came.outcome != "not_scored"
        info = {"outcome": came.outcome, "cause": came.cause, "reason": came.reason}
        return self._observation(), float(came.outcome == "passed"), scored, not scored, info

    def render(self) -> Pixels | None:
        """The screen as it was last seen, in the mode `rgb_array`; before the first reset, None."""
        if self.render_mode is None or self._view is None:
            return None
        return _rgb(self._view.observation.screenshot.frame)

    def close(self) -> None:
        """No desktop is left. Harmless when done twice."""
        stage, self._stage, self._going = self._stage, None, False
        if stage is not None:
            stage.close()

    def _observation(self) -> Observation:
        view = self._view
        assert view is not None
        return {"screenshot": _rgb(view.observation.screenshot.frame), "instruction": view.instruction}

    def _find(self, name: str) -> Task:
        if name not in self._tasks:
            raise InputError(f"task: {name!r} is none of the suite's{suggest(name, self._tasks)}")
        return self._tasks[name]


def _read(action: str) -> tuple[Decision, str]:
    """What to do, and what is wrong with an action that is none: then it is to look again."""
    try:
        return read_action(action), ""
    except NotAnAction as problem:
        return Look(), str(problem)


def _one_screen(tasks: list[Task]) -> Screen:
    """Raises InputError where tasks have different ones: observations have one shape."""
    screens = {task.desktop.screen for task in tasks}
    if len(screens) > 1:
        raise InputError("suite: its tasks have screens of different sizes; choose one with `task`")
    return screens.pop()


def _texts(texts: list[str]) -> spaces.Text:
    return spaces.Text(max(map(len, texts)), charset="".join(sorted(set(string.printable).union(*texts))))


def _rgb(frame: Frame) -> Pixels:
    """A copy, of shape (height, width, 3)."""
    return np.array(frame.image())
