"""Trees as rows, and lists as changes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from runner.actions import Click, Press, Target
from runner.artifacts import ArtifactStore
from runner.replay.changes import changes
from runner.replay.data import Change
from runner.replay.trees import Forest, in_order
from runner.trees import TreeSeries
from sandboxes.guest.protocol import Node, Point, Rect
from sandboxes.observation import UiTree


def done(before: list[int], change: Change) -> list[int]:
    after = list(before)
    for at, gone, come in reversed(change):
        after[at : at + gone] = come
    return after


@pytest.mark.parametrize("seed", range(20))
def test_changes_make_the_one_list_of_the_other(seed: int) -> None:
    chance = random.Random(seed)
    before = [chance.randrange(30) for _ in range(chance.randrange(60))]
    after = [chance.randrange(30) if chance.random() < 0.1 else value for value in before]
    for _ in range(seed % 4):
        after.insert(chance.randrange(len(after) + 1), 99)
    assert done(before, changes(before, after)) == after
    assert changes(after, after) == ()


def test_an_insertion_is_one_splice() -> None:
    assert changes([1, 2, 3, 4], [1, 2, 9, 3, 4]) == ((2, 0, (9,)),)
    assert changes([1, 2, 3, 4], [1, 4]) == ((1, 2, ()),)


def node(id_: str, parent: int | None, role: str, name: str, rect: tuple[int, int, int, int]) -> Node:
    x, y, width, height = rect
    place = Rect(x=x, y=y, width=width, height=height)
    return Node(id=id_, parent=parent, role=role, name=name, rect=place, states=("showing",))


NODES = (
    node("a", None, "application", "Files", (0, 0, 400, 300)),
    node("f", 0, "frame", "Files", (0, 0, 400, 300)),
    node("g", 0, "frame", "Other", (0, 0, 400, 300)),
    node("ok", 1, "push button", "OK", (10, 10, 50, 20)),
    node("label", 3, "label", "OK", (15, 12, 20, 10)),
)


@pytest.fixture
def forest(tmp_path: Path) -> tuple[Forest, str]:
    store = ArtifactStore(tmp_path)
    with store.batch() as batch:
        ref = TreeSeries().put(batch, UiTree(NODES, {}))
    forest = Forest(store)
    forest.add(ref)
    return forest, ref


def test_rows_stand_in_the_order_in_which_one_reads_them(forest: tuple[Forest, str]) -> None:
    assert list(in_order(NODES)) == [(0, 0), (1, 1), (3, 2), (4, 3), (2, 1)]
    assert [row[2] for row in forest[0].nodes] == ["application", "frame", "push button", "label", "frame"]
    assert forest[0].trees == [((0, 0, (0, 1, 2, 3, 4)),)]


@pytest.mark.parametrize(
    ("target", "points", "row"),
    [
        (Target(role="push button", name="OK"), [Point(x=20, y=15)], 2),
        (Target(at=Point(x=20, y=15)), [Point(x=20, y=15)], 3),
        (Target(at=Point(x=300, y=200)), [], 4),
        (Target(role="push button", name="OK"), [Point(x=300, y=15)], None),
        (Target(role="entry"), [], None),
    ],
    ids=["by what it is", "the innermost", "in front", "somewhere else by then", "not there"],
)
def test_what_an_action_went_to(
    forest: tuple[Forest, str], target: Target, points: list[Point], row: int | None
) -> None:
    trees, ref = forest
    assert trees.acted_on(ref, Click(do="click", target=target), points) == row


def test_keys_go_to_no_object(forest: tuple[Forest, str]) -> None:
    assert forest[0].acted_on(forest[1], Press(do="press", keys="Tab"), []) is None
