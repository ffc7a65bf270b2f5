"""How two screens are compared: their pixels, what their trees say, and the words for what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from runner.agents.base import Done
from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint, Screen, Timings
from runner.frames import FrameSeries
from runner.reexecution.compare import Comparison, compare
from runner.reexecution.differences import differences
from runner.reexecution.learning import Learning
from runner.reexecution.pixels import differing, rectangles
from runner.reexecution.record import RecordedStep
from runner.reexecution.structure import Structure, structure_of
from runner.trees import TreeSeries
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Node, Point, Rect, Window
from sandboxes.observation import Observation, Screenshot, UiTree
from tests.runner.laboratory import Laboratory

WIDTH, HEIGHT = 320, 240
AT = 1_800_000_000.0  # 2027-01-15 08:00 UTC
WHOLE = Rect(x=0, y=0, width=WIDTH, height=HEIGHT)


def frame(*marks: tuple[int, int, int, int], color: int = 0xFFFFFF) -> Frame:
    """Grey, with rectangles of a colour: x, y, width, height."""
    pixels = np.full((HEIGHT, WIDTH), 0x808080, np.uint32)
    for x, y, width, height in marks:
        pixels[y : y + height, x : x + width] = color
    return Frame(pixels)


def node(role: str, name: str = "", parent: int | None = 0, **fields: Any) -> Node:
    states = ("showing", "enabled", *fields.pop("states", ()))
    return Node.model_validate(
        {
            "role": role,
            "name": name,
            "parent": parent,
            "app": "edit",
            "states": states,
            "rect": WHOLE,
            **fields,
        }
    )


def window(title: str = "note", application: str = "Edit") -> Window:
    return Window(
        id=1,
        title=title,
        application=application,
        pid=1,
        frame=WHOLE,
        stack=0,
        focused=True,
        minimized=False,
    )


APP = node("application", "edit", None, rect=None)
EDIT = (APP, node("frame", "note"), node("text", "", 1, text="A draft.", states=("editable",)))


def structure(nodes: Sequence[Node], windows: Sequence[Window] = (), at: float = AT) -> Structure:
    return structure_of(UiTree(tuple(nodes), {}), windows or (window(),), at)


def told(recorded: Sequence[Node], now: Sequence[Node]) -> list[str]:
    return differences(structure(recorded), structure(now))


def looked(
    store: ArtifactStore, then: Frame, now: Frame, nodes: Sequence[Node] = EDIT, changing: Sequence[Rect] = ()
) -> Comparison:
    """A recorded screen of an editor compared with another look."""
    with store.batch() as batch:
        screen = Screen(
            frame=FrameSeries().put(batch, then),
            tree=TreeSeries().put(batch, UiTree(EDIT, {})),
            width=WIDTH,
            height=HEIGHT,
            windows=(window(),),
            focus=1,
            cursor=Point(x=0, y=0),
            taken_at=AT,
        )
    taken = Checkpoint(
        run="r",
        task="a",
        attempt=1,
        step=0,
        previous=None,
        screen=screen,
        decision=Done(),
        executed=(),
        timings=Timings(),
    )
    seen = Observation(
        Screenshot(now, Point(x=0, y=0)), UiTree(tuple(nodes), {}), (window(),), Point(x=0, y=0), AT
    )
    return compare(RecordedStep(0, taken, False, store), seen, changing, frozenset())


def test_the_levels_of_likeness(lab: Laboratory) -> None:
    caret, much = (50, 50, 2, 7), (40, 40, 80, 30)
    canvas = (*EDIT[:2], node("canvas", "", 1), *EDIT[2:])
    store = lab.store
    assert looked(store, frame(), frame()).level == "exact"
    assert looked(store, frame(), frame(much, color=0x828282)).level == "perceptual", "nobody sees it"
    assert looked(store, frame(), frame(caret)).level == "perceptual", "hardly anything"
    assert looked(store, frame(), frame(much)).level == "structural"
    assert looked(store, frame(), frame(much), changing=[Rect(x=40, y=40, width=80, height=30)]).same
    other = looked(store, frame(), frame(much), (*EDIT[:2], node("text", "", 1, text="No.")))
    assert (other.level, other.pixels, other.regions) == (
        "different",
        80 * 30,
        (Rect(x=40, y=40, width=80, height=30),),
    )
    assert looked(store, frame(), frame(much), EDIT[:1]).level == "different"
    assert looked(store, frame(), frame(), canvas).level == "exact"


def test_pixels_that_the_tree_says_nothing_of_are_a_difference(lab: Laboratory) -> None:
    silent = tuple(one.model_copy(update={"rect": None}) for one in EDIT)
    found = looked(lab.store, frame(), frame((40, 40, 80, 30)), silent)
    assert found.level == "different"
    assert "of which the tree says nothing" in found.reasons[0]


def test_rectangles_are_around_what_hangs_together() -> None:
    mask = differing(frame(), frame((10, 10, 5, 5), (15, 15, 40, 3), (200, 100, 1, 1)))
    assert rectangles(mask) == [
        Rect(x=10, y=10, width=45, height=8),
        Rect(x=200, y=100, width=1, height=1),
    ]
    assert rectangles(differing(frame(), frame())) == []


def test_what_changes_twice_with_nothing_done_is_learnt() -> None:
    learning = Learning()
    caret = (50, 50, 2, 12)
    learning.watch(frame(), frame(caret))
    assert learning.regions == [], "a thing that appears once does not always change"
    learning.watch(frame(caret), frame())
    assert learning.regions == [Rect(x=50, y=50, width=2, height=12)]
    learning.watch(frame(), frame((0, 0, 200, 200)))
    learning.watch(frame((0, 0, 200, 200)), frame())
    assert len(learning.regions) == 1, "a window that comes and goes is no clock"


@pytest.mark.parametrize(
    ("then", "now", "later_s", "same"),
    [
        ("Modified 08:05", "Modified 09:30", 85 * 60, True),
        ("08\N{RATIO}05", "09\N{RATIO}31", 85 * 60, True),
        ("Modified 03:05", "Modified 09:30", 85 * 60, False),
        ("2027-01-15.csv", "2027-01-16.csv", 24 * 3600, True),
        ("2026-10-31.csv", "2026-10-30.csv", 24 * 3600, False),
        ("Inbox - Memory usage - 55.1 MB", "Inbox - Memory usage - 70 MB", 0, True),
        ("3 files", "4 files", 0, False),
    ],
)
def test_what_is_of_the_moment_does_not_count(then: str, now: str, later_s: float, same: bool) -> None:
    first = structure([APP, node("label", then)])
    second = structure([APP, node("label", now)], at=AT + later_s)
    assert first.matches(second) is same


def test_order_place_and_the_state_of_tool_bars_do_not_count() -> None:
    bar = node("tool bar", "Standard")
    undo = node("push button", "Undo", 1)
    now = [APP, bar, node("label", "b"), undo.model_copy(update={"states": ("showing",)}), node("label", "a")]
    then = [APP, bar, undo, node("label", "a"), node("label", "b", rect=Rect(x=9, y=9, width=1, height=1))]
    assert structure(then).matches(structure(now))
    box = node("check box", "Bold")
    checked = node("check box", "Bold", states=("checked",))
    assert not structure([APP, box]).matches(structure([APP, checked]))


def test_what_of_an_application_is_not_all_known_is_not_compared() -> None:
    cut = structure_of(UiTree((APP,), {"edit": "too many"}), (window(),), AT)
    assert structure(EDIT).matches(cut)
    assert differences(structure(EDIT), cut) == []


def test_the_words_for_what_differs() -> None:
    menu, item = node("menu", "File"), node("menu item", "Save As", 1)
    assert told((APP, menu, item), (APP, menu)) == ["menu item 'Save As' of menu 'File' is not there"]
    dialog, button = node("dialog", "Really?"), node("push button", "Yes", 3)
    assert told(EDIT, (*EDIT, dialog, button)) == ["a dialog 'Really?' appeared"]
    changed = (*EDIT[:2], node("text", "", 1, text="Done.", states=("editable",)))
    assert told(EDIT, changed) == ["text of frame 'note' holds 'Done.', not 'A draft.'"]
    box, checked = node("check box", "Bold"), node("check box", "Bold", states=("checked",))
    assert told((APP, box), (APP, checked)) == ["check box 'Bold' is checked and enabled, not enabled"]


def test_a_window_of_another_title_is_compared_all_the_same() -> None:
    now = (APP, node("frame", "*note"), node("text", "", 1, text="", states=("editable",)))
    found = differences(structure(EDIT, (window("note"),)), structure(now, (window("*note"),)))
    assert found == ["window 'note' is called '*note'", "text of frame 'note' holds '', not 'A draft.'"]
    gone = differences(structure(EDIT), structure((APP,), (window("Mail", "Mail"),)))
    assert gone == ["window 'note' is not there", "a window 'Mail' is there that was not"]
