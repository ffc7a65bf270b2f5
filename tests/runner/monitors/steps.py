"""Steps as monitors see them, made up: what is on a screen is told by a word."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from runner.actions import Action
from runner.agents.base import Act
from runner.artifacts import sha256
from runner.checkpoints import Checkpoint, Executed, Screen, Timings
from runner.monitors.step import Step
from sandboxes.guest.protocol import Node, Point, Rect
from sandboxes.observation import UiTree

_ACTION: TypeAdapter[Action] = TypeAdapter(Action)


def action(value: dict[str, Any]) -> Action:
    return _ACTION.validate_python(value)


def step(
    screen: str,
    *actions: dict[str, Any],
    number: int = 0,
    nodes: tuple[Node, ...] = (),
    error: str | None = None,
    act_s: float = 0.0,
) -> Step:
    """One step on a screen of that name; each action failed with `error`, where one is given."""
    asked = tuple(map(action, actions))
    executed = tuple(Executed(action=one, ok=error is None, error=error, took_s=0) for one in asked)
    shown = Screen(
        frame=sha256(screen.encode()),
        tree=sha256(b"tree"),
        width=640,
        height=480,
        windows=(),
        focus=None,
        cursor=Point(x=0, y=0),
        taken_at=0,
    )
    checkpoint = Checkpoint(
        run="r",
        task="a",
        attempt=1,
        step=number,
        previous=None,
        screen=shown,
        decision=Act(actions=asked) if asked else None,
        executed=executed,
        timings=Timings(act_s=act_s),
    )
    return Step(checkpoint, UiTree(nodes, {}))


def node(role: str, name: str = "", parent: int | None = 0, **more: Any) -> Node:
    """A showing object; `at` is its x, y, width and height."""
    at = more.pop("at", None)
    rect = Rect(x=at[0], y=at[1], width=at[2], height=at[3]) if at else None
    return Node(role=role, name=name, parent=parent, rect=rect, states=("showing", "enabled"), **more)


APPLICATION = node("application", "Notes", None, app="Notes")
