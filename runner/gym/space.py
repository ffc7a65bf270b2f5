"""The actions of an environment: what a process agent says, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import gymnasium
import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from runner.actions import Action
from runner.agents.base import Act, Decision, Done, Failed
from sandboxes.spec import Screen
from sandboxes.wire import first_problem

MAX_BYTES = 1 << 20
_Said = Act | Done | Failed
_SAID: TypeAdapter[_Said] = TypeAdapter(Annotated[_Said, Field(discriminator="say")])
_ACTION: TypeAdapter[Action] = TypeAdapter(Action)
_KEYS = ("Return", "Tab", "Escape", "BackSpace", "Down", "Up", "Left", "Right", "ctrl+a", "ctrl+z")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 "


class NotAnAction(ValueError):
    """A text that is no action. The message says what is wrong with it."""


def read_action(text: str) -> Decision:
    """One action, in either form that swarm files have, or an answer of docs/process-agents.md: `act` with
    several, `done` or `failed`. Raises NotAnAction."""
    if not isinstance(text, str) or len(text) > MAX_BYTES:
        raise NotAnAction(f"an action is a text of JSON, of at most {MAX_BYTES} characters")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAnAction(f"no JSON: {error}") from None
    try:
        if isinstance(value, dict) and "say" in value:
            return _SAID.validate_python(value)
        return Act(actions=(_ACTION.validate_python(value),))
    except ValidationError as error:
        raise NotAnAction(first_problem(error)) from None


class Actions(gymnasium.Space[str]):
    """Every text that `read_action` takes. Samples are single actions on points of the screen, now and then
    `done`."""

    def __init__(self, screen: Screen, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(None, str, seed)
        self._screen = screen

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def contains(self, x: Any) -> bool:
        try:
            read_action(x)
        except NotAnAction:
            return False
        return True

    def sample(self, mask: None = None, probability: None = None) -> str:
        kinds: list[Callable[[], dict[str, Any]]] = [
            lambda: {"click": self._point()},
            lambda: {"double_click": self._point()},
            lambda: {"right_click": self._point()},
            lambda: {"hover": self._point()},
            lambda: {"drag": {"start": self._point(), "end": self._point()}},
            lambda: {"scroll": {**self._point(), "dy": self._between(-5, 5)}},
            lambda: {"type": "".join(_LETTERS[self._between(0, 36)] for _ in range(self._between(1, 12)))},
            lambda: {"press": _KEYS[self._between(0, len(_KEYS) - 1)]},
            lambda: {"say": "done"},
        ]
        return json.dumps(kinds[self._between(0, len(kinds) - 1)]())

    def _point(self) -> dict[str, Any]:
        x, y = self._between(0, self._screen.width - 1), self._between(0, self._screen.height - 1)
        return {"at": {"x": x, "y": y}}

    def _between(self, low: int, high: int) -> int:
        return int(self.np_random.integers(low, high + 1))

    def __repr__(self) -> str:
        return f"Actions({self._screen.width}x{self._screen.height})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Actions) and self._screen == other._screen
