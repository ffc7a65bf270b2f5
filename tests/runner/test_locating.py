"""From recorded objects to locators: each finds the object it was made from, or there is none."""

from __future__ import annotations

import pytest

from runner.actions import Target
from runner.locating import find, locator_at, locator_of, node_at
from sandboxes.guest.protocol import Node, Point, Rect, Window
from sandboxes.spec import Screen

SCREEN = Screen(width=800, height=600)


def node(role: str, name: str = "", *, at: tuple[int, int, int, int], **fields: object) -> Node:
    x, y, width, height = at
    rect = Rect(x=x, y=y, width=width, height=height)
    return Node.model_validate(
        {"role": role, "name": name, "rect": rect, "states": ("showing",), "app": "edit", **fields}
    )


def window(title: str, stack: int, *, at: tuple[int, int, int, int], focused: bool = False) -> Window:
    x, y, width, height = at
    rect = Rect(x=x, y=y, width=width, height=height)
    return Window(
        id=stack + 1,
        title=title,
        application="edit",
        pid=1,
        frame=rect,
        stack=stack,
        focused=focused,
        minimized=False,
    )


TREE = (
    node("application", at=(0, 0, 800, 600)),
    node("frame", "notes", at=(0, 0, 800, 600), parent=0, states=("showing", "active")),
    node("panel", at=(0, 0, 800, 600), parent=1),
    node("push button", "Save", at=(10, 10, 80, 30), parent=2),
    node("label", "Save", at=(30, 15, 40, 20), parent=3),
    node("push button", "OK", at=(100, 10, 80, 30), parent=2),
    node("push button", "OK", at=(200, 10, 80, 30), parent=2),
    node("entry", "Company", at=(10, 60, 200, 30), parent=2, states=("showing", "editable")),
    node("entry", "Contact", at=(10, 100, 200, 30), parent=2, states=("showing", "editable"), text="Ann"),
    node("table cell", text="42", at=(10, 140, 50, 20), parent=2),
    node("canvas", "drawing", at=(300, 60, 400, 400), parent=2),
    node("menu item", "Cut", at=(300, 60, 100, 30), parent=2),
    node("push button", "Hidden", at=(10, 200, 80, 30), parent=2, states=()),
    node("push button", "Under", at=(500, 500, 200, 60), parent=2),
    node("panel", at=(480, 490, 100, 40), parent=1),
    node("icon", at=(10, 300, 40, 40), parent=2),
    node("icon", at=(60, 300, 40, 40), parent=2),
)
WINDOWS = (window("notes", 0, at=(0, 0, 800, 600), focused=True),)


def located(x: int, y: int) -> Target | None:
    return locator_at(Point(x=x, y=y), TREE, WINDOWS, SCREEN)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (50, 25, Target(role="push button", name="Save")),
        (120, 20, Target(role="push button", name="OK", app="edit", nth=0)),
        (220, 20, Target(role="push button", name="OK", app="edit", nth=1)),
        (20, 70, Target(role="entry", name="Company")),
        (20, 145, Target(role="table cell", text="42")),
        (310, 70, Target(role="menu item", name="Cut")),
        (650, 550, Target(role="push button", name="Under")),
        (70, 310, Target(role="icon", app="edit", nth=1)),
    ],
)
def test_a_point_becomes_what_lies_there(x: int, y: int, expected: Target) -> None:
    assert located(x, y) == expected


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (700, 300, "a canvas only holds the point"),
        (790, 590, "a panel only holds the point"),
        (20, 110, "the caret goes where an entry that holds text is clicked"),
        (20, 210, "what does not show is not clicked"),
        (510, 510, "something smaller lies over it"),
        (900, 900, "nothing is off the screen"),
    ],
)
def test_a_point_stays_a_point(x: int, y: int, why: str) -> None:
    assert located(x, y) is None, why


def test_a_widget_whose_centre_is_another_is_no_target() -> None:
    tree = (
        node("application", at=(0, 0, 800, 600)),
        node("list item", "Row", at=(0, 0, 300, 40), parent=0),
        node("push button", "Delete", at=(140, 5, 30, 30), parent=1),
    )
    assert locator_at(Point(x=5, y=5), tree, (), SCREEN) is None
    assert locator_at(Point(x=150, y=10), tree, (), SCREEN) == Target(role="push button", name="Delete")


def test_a_button_of_a_covered_window_is_not_what_is_clicked() -> None:
    tree = (
        *TREE,
        node("dialog", "Really?", at=(0, 0, 300, 200), parent=0, states=("showing", "active")),
        node("push button", "Yes", at=(10, 10, 80, 30), parent=len(TREE)),
    )
    windows = (*WINDOWS, window("Really?", 1, at=(0, 0, 300, 200), focused=True))
    hit = node_at(Point(x=50, y=25), tree, windows)
    assert hit is not None
    assert tree[hit].name == "Yes"


def test_two_windows_with_the_same_button_are_told_apart_by_the_focus() -> None:
    tree = (
        node("application", at=(0, 0, 800, 600)),
        node("frame", "one", at=(0, 0, 300, 300), parent=0),
        node("push button", "OK", at=(10, 10, 50, 20), parent=1),
        node("frame", "two", at=(300, 0, 300, 300), parent=0, states=("showing", "active")),
        node("push button", "OK", at=(310, 10, 50, 20), parent=3),
    )
    assert locator_of(4, tree, SCREEN) == Target(role="push button", name="OK")
    assert locator_of(2, tree, SCREEN) == Target(role="push button", name="OK", app="edit", nth=0)


def test_every_locator_of_a_tree_finds_what_it_was_made_from() -> None:
    for index, each in enumerate(TREE):
        target = locator_of(index, TREE, SCREEN)
        assert target is None or find(target, TREE, SCREEN) is each
    assert locator_of(12, TREE, SCREEN) is None


def test_a_menu_bar_lies_on_top_whatever_else_says_it_is_there() -> None:
    """LibreOffice has a second menu bar without a place, and tool bars that begin where the first does."""
    nodes = (
        *TREE[:2],
        node("menu bar", at=(0, 20, 800, 25), parent=1),
        node("menu", "Insert", at=(130, 20, 50, 25), parent=2),
        node("menu bar", at=(0, 0, 1, 1), parent=1, rect=None),
        node("menu", "Insert", at=(120, 20, 45, 20), parent=4),
        node("push button", "New", at=(145, 21, 20, 20), parent=1),
    )
    at = Point(x=155, y=32)
    assert node_at(at, nodes, WINDOWS) == 3
    assert locator_at(at, nodes, WINDOWS, SCREEN) == Target(role="menu", name="Insert")
