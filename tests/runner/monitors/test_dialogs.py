"""Unexpected dialogs."""

from __future__ import annotations

import pytest

from runner.monitors.dialogs import DialogsMonitor
from runner.monitors.spec import Dialogs
from tests.runner.monitors.steps import APPLICATION, node, step


def see(monitor: DialogsMonitor, *dialogs: str, says: str = "") -> str | None:
    nodes = [APPLICATION]
    for name in dialogs:
        nodes += [node("dialog", name), node("label", says, len(nodes))]
    return monitor.see(step("a", nodes=tuple(nodes)))


@pytest.mark.parametrize(
    ("name", "says", "told"),
    [
        ("About Notes", "A note", False),
        ("Save As", "Name", False),
        ("Document Recovery", "", True),
        ("Notes", "The file could not be saved", True),
        ("Error", "", True),
        ("Files is not responding", "", True),
    ],
)
def test_a_dialog_that_tells_of_trouble_is_unexpected(name: str, says: str, told: bool) -> None:
    assert (see(DialogsMonitor(Dialogs()), name, says=says) is not None) is told


def test_where_some_are_expected_all_others_are_not() -> None:
    monitor = DialogsMonitor(Dialogs(expected=("save*", "About ?otes")))
    assert see(monitor, "Save As") is None
    assert see(monitor, "about notes") is None
    assert see(monitor, "Print") == "unexpected dialog: 'Print'"


def test_each_is_told_of_when_it_opens_and_not_while_it_stays() -> None:
    monitor = DialogsMonitor(Dialogs())
    shown = [(), ("Error",), ("Error",), ("Error", "Crash"), (), ("Error",)]
    said = [see(monitor, *names) for names in shown]
    assert [one is not None for one in said] == [False, True, False, True, False, True]
    assert said[3] == "unexpected dialog: 'Crash'"


def test_a_label_outside_the_dialog_does_not_count() -> None:
    nodes = (APPLICATION, node("frame", "Notes"), node("label", "error", 1), node("dialog", "Save"))
    assert DialogsMonitor(Dialogs()).see(step("a", nodes=nodes)) is None
