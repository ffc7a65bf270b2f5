"""What the oracle of MiniWoB++ does on pages as their accessible objects tell of them."""

from __future__ import annotations

from typing import Any

import pytest

from runner.miniwob.oracle import Oracle
from runner.miniwob.page import NotFound, Page
from runner.miniwob.rules import plan

READY, OVER = "MiniWoB x: ready", "MiniWoB x: reward 1, raw 1"


def tree(*nodes: tuple[str, str]) -> list[dict[str, Any]]:
    """Objects below each other, 20 pixels high, under what a page asks for."""
    page = [("application", "", 0), ("document web", "", 19), ("static", "what is asked", 22)]
    page += [(role, name, 69 + 20 * row) for row, (role, name) in enumerate(nodes)]
    return [
        {"role": role, "name": name, "rect": {"x": 0, "y": y, "width": 100, "height": 20}}
        for role, name, y in page
    ]


def clicked(*rows: int) -> list[dict[str, Any]]:
    return [{"do": "click", "target": {"at": {"x": 50, "y": 79 + 20 * row}}} for row in rows]


SUBMIT = ("push button", "Submit")


@pytest.mark.parametrize(
    ("asked", "nodes", "rows"),
    [
        ('Click on the "Ok" button.', [("push button", "No"), ("push button", "ok")], (1,)),
        (
            "Click button ONE, then click button TWO.",
            [("push button", "TWO"), ("push button", "ONE")],
            (1, 0),
        ),
        ("Select b, a and click Submit.", [("check box", "a"), ("check box", "b"), SUBMIT], (1, 0, 2)),
        ("Select nothing and click Submit.", [("check box", "a"), SUBMIT], (1,)),
        ('Click on the link "nam".', [("static", "nam"), ("static", "nam.")], (0,)),
        ("Focus into the 2nd input textbox.", [("entry", ""), ("entry", "")], (1,)),
        ("Click on the numbers in ascending order.", [("static", "10"), ("static", "9")], (1, 0)),
    ],
)
def test_it_clicks_on_what_is_asked_for(
    asked: str, nodes: list[tuple[str, str]], rows: tuple[int, ...]
) -> None:
    assert plan(asked, Page(tree(*nodes))) == clicked(*rows)


@pytest.mark.parametrize(
    ("asked", "problem", "answer"),
    [
        ("Solve the math problem and", "7 - 9 =", "-2"),
        ("Solve the math problem and", "3 x 4 =", "12"),
        ("Solve for x and", "1 + x = 21", "20"),
        ("Solve for x and", "x - 3 = 4", "7"),
        ("Solve for x and", "5 - x = 2", "3"),
    ],
)
def test_it_calculates(asked: str, problem: str, answer: str) -> None:
    actions = plan(asked, Page(tree(("static", problem), ("entry", ""), SUBMIT)))
    assert [action.get("text") for action in actions] == [answer, None]


@pytest.mark.parametrize("asked", ["Paint a house.", 'Click on the "Yes" button.'])
def test_what_it_does_not_know_or_find_is_told(asked: str) -> None:
    with pytest.raises(NotFound):
        plan(asked, Page(tree(("push button", "No"))))


def test_it_looks_behind_every_tab_once_and_then_gives_up() -> None:
    oracle = Oracle()
    view = {
        "instruction": 'Switch between the tabs to find and click on the link "nam".',
        "observation": {
            "windows": [{"title": READY}],
            "tree": {"nodes": tree(("page tab", "Tab #1"), ("page tab", "Tab #2"))},
        },
    }
    assert [oracle.decide(view).get("actions") for _ in range(3)] == [clicked(0), clicked(1), None]
    view["observation"]["windows"][0]["title"] = OVER  # type: ignore[index]
    assert oracle.decide(view) == {"say": "done"}
