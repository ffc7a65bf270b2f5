"""What a query matches, and what it calls near."""

from __future__ import annotations

import pytest

from sandboxes.guest.protocol import Node, Rect
from sandboxes.query import Query, in_active_window, visible_part
from sandboxes.spec import Screen

SCREEN = Screen(width=800, height=600)
SPOT = Rect(x=10, y=10, width=20, height=20)


def node(role: str = "push button", name: str = "", **fields: object) -> Node:
    return Node.model_validate({"role": role, "name": name, "states": ("showing",), "rect": SPOT, **fields})


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        (Query("push button"), True),
        (Query("button"), False),
        (Query(name="Save As…"), True),
        (Query(name="Save As..."), True),
        (Query(name="  Save   As... "), True),
        (Query(name="save as..."), False),
        (Query(name="save as", exact=False), True),
        (Query(name="Save"), False),
        (Query(name="Save", text="nothing"), False),
        (Query(name="as", text="BODY", exact=False), True),
        (Query(name="Save As…", app="MousePad"), True),
        (Query("push button", app="thunar"), False),
        (Query(states=frozenset({"showing"})), True),
        (Query("push button", states=frozenset({"showing", "focused"})), False),
    ],
)
def test_matches(query: Query, matches: bool) -> None:
    assert query.matches(node(name="Save As…", text="a body", app="mousepad")) is matches


@pytest.mark.parametrize(
    ("rect", "part"),
    [
        (SPOT, SPOT),
        (Rect(x=-10, y=-10, width=20, height=20), Rect(x=0, y=0, width=10, height=10)),
        (Rect(x=790, y=590, width=100, height=100), Rect(x=790, y=590, width=10, height=10)),
        (Rect(x=800, y=0, width=10, height=10), None),
        (Rect(x=-1, y=-1, width=0, height=0), None),
        (None, None),
    ],
)
def test_only_what_is_on_the_screen_is_visible(rect: Rect | None, part: Rect | None) -> None:
    assert visible_part(node(rect=rect), SCREEN) == part
    assert visible_part(node(rect=rect, states=()), SCREEN) is None


def test_a_menu_bar_without_a_place_is_a_phantom() -> None:
    tree = [
        node("menu bar"),
        node("menu", "File", parent=0),
        node("menu bar", rect=None),
        node("menu", "File", parent=2),
    ]
    [found] = Query("menu", "File").find(tree, SCREEN)
    assert found.node is tree[1]


def test_the_active_window_is_the_child_of_the_application() -> None:
    tree = [
        node("application"),
        node("frame", parent=0),
        node("dialog", parent=0, states=("active",)),
        node("filler", parent=2),
        node("push button", parent=3),
        node("list item", parent=1, states=("active",)),
    ]
    assert [in_active_window(tree, each) for each in tree] == [False, False, True, True, True, False]


def test_near_names_the_likeliest_first_and_hides_what_does_not_print() -> None:
    tree = [
        node("label", "Unrelated"),
        node("push button", "Cancel"),
        node("menu item", "Save As…"),
        node("push button", "Save As\u202e" + "x" * 100),
    ]
    near = Query("push button", "Save As").near(tree)
    assert near[-1] == '"push button" "Cancel"'
    assert '"menu item" "Save As…"' in near
    assert not [shown for shown in near if "\u202e" in shown or len(shown) > 100 or "Unrelated" in shown]


def test_a_query_reads_as_it_was_asked() -> None:
    query = Query("push button", "Save", "body", "mousepad", frozenset({"focused"}))
    assert str(query) == '"push button" named "Save" with text "body" in "mousepad" that is focused'
