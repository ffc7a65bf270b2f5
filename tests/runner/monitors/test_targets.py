"""What lies under a point, and whether it is what the agent said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runner.actions import Target
from runner.monitors.targets import mismatch, states_target
from runner.monitors.under import under
from sandboxes.guest.protocol import Node, Point, Rect, Window
from tests.runner.monitors.steps import APPLICATION, node

SAVE = Point(x=15, y=15)
NODES = (
    APPLICATION,
    node("frame", "Note", at=(0, 0, 100, 100), app="Notes"),
    node("push button", "Save…", 1, at=(10, 10, 20, 10), app="Notes"),
    node("push button", "Clear", 1, at=(40, 10, 20, 10), app="Notes"),
    node("canvas", "", 1, at=(0, 50, 100, 50), app="Notes"),
)


def window(title: str, stack: int, x: int = 0) -> Window:
    return Window(
        id=stack,
        title=title,
        application="Notes",
        pid=1,
        frame=Rect(x=x, y=0, width=100, height=100),
        stack=stack,
        focused=False,
        minimized=False,
    )


def said(nodes: tuple[Node, ...] = NODES, at: Point = SAVE, **words: Any) -> str | None:
    target = Target(at=at, **words)
    return mismatch(target, under(at, [window("Note", 0)], nodes), nodes)


@pytest.mark.parametrize(
    "words",
    [
        {"role": "push button", "name": "Save..."},
        {"role": "button", "name": "save"},
        {"name": "Save"},
        {"name": "the Save… button"},
        {"role": "push button"},
        {"app": "notes"},
    ],
)
def test_what_was_said_loosely_is_still_meant(words: dict[str, Any]) -> None:
    assert said(**words) is None


def test_another_widget_is_not_what_was_meant() -> None:
    assert said(name="Clear") == (
        'said to be \'Clear\', but there is "push button" "Save…"; that is at 50,15'
    )
    assert said(role="entry", name="Amount") is not None


def test_beside_an_object_that_is_elsewhere() -> None:
    assert "no such object; that is at 50,15" in str(said(at=Point(x=80, y=30), name="Clear"))


def test_where_nobody_can_tell_nothing_is_told() -> None:
    assert said(at=Point(x=50, y=70), name="Brush") is None
    assert said(nodes=(), name="Brush") is None


def test_what_a_window_covers_is_not_there() -> None:
    nodes = (
        *NODES,
        node("dialog", "Sure?", at=(0, 0, 60, 60)),
        node("push button", "No", 5, at=(10, 10, 20, 10)),
    )
    place = under(SAVE, [window("Note", 0), window("Sure?", 1)], nodes)
    assert place.window is not None
    assert (place.window.title, [one.name for one in place.nodes]) == ("Sure?", ["Sure?", "No"])
    assert mismatch(Target(at=SAVE, name="Save"), place, nodes) is not None


def test_a_menu_is_in_no_list_of_windows_and_yet_there() -> None:
    nodes = (*NODES, node("window", ""), node("menu item", "Quit", 5, at=(10, 10, 20, 10)))
    assert under(SAVE, [window("Note", 0)], nodes).nodes[-1].name == "Quit"


def test_outside_all_windows_is_nothing() -> None:
    assert under(Point(x=500, y=500), [window("Note", 0)], NODES).window is None


def test_a_point_may_come_with_words() -> None:
    assert states_target(Target(at=SAVE, name="OK"))
    assert not states_target(Target(at=SAVE))
    assert not states_target(Target(name="OK"))
    with pytest.raises(ValidationError, match="`states` and `nth` choose among objects"):
        Target(at=SAVE, nth=1)
