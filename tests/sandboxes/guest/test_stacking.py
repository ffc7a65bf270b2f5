"""Which windows hide others, as the window manager tells: an application's own, and those of others."""

from __future__ import annotations

import itertools

import pytest

from sandboxes.guest.protocol import Rect, Window
from sandboxes.guest.stacking import Stacking

OFFICE, OTHER = 7, 8
SCREEN = (0, 0, 1000, 800)
TABLE = (50, 100, 800, 600)
_ids = itertools.count(1)


def window(
    title: str, frame: tuple[int, int, int, int] = SCREEN, pid: int = OFFICE, *, minimized: bool = False
) -> Window:
    x, y, width, height = frame
    rect = Rect(x=x, y=y, width=width, height=height)
    return Window(
        id=next(_ids),
        title=title,
        application="",
        pid=pid,
        frame=rect,
        stack=0,
        focused=False,
        minimized=minimized,
    )


def stacking(*windows: Window) -> Stacking:
    """With these windows, the lowest first."""
    return Stacking(OFFICE, lambda: stacked(windows))


def stacked(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    return tuple(one.model_copy(update={"stack": place}) for place, one in enumerate(windows))


@pytest.mark.parametrize("pid", [OFFICE, OTHER])
def test_what_is_wholly_behind_a_window_above_is_hidden(pid: int) -> None:
    sheet, letter = window("sheet"), window("letter", pid=pid)
    assert stacking(sheet, letter).hides("sheet", TABLE)
    assert stacking(sheet, window("letter", TABLE, pid)).hides("sheet", TABLE)
    assert not stacking(letter, sheet).hides("sheet", TABLE)
    assert not stacking(sheet).hides("sheet", TABLE)


@pytest.mark.parametrize(
    "above",
    [
        (window("letter", (50, 100, 800, 599)),),  # a row of pixels shows
        (window("letter", (51, 100, 800, 600)),),
        (window("left", (0, 0, 500, 800)), window("right", (500, 0, 500, 800))),  # neither covers it
        (window("letter", minimized=True),),
    ],
)
def test_what_shows_in_part_is_not_hidden(above: tuple[Window, ...]) -> None:
    assert not stacking(window("sheet"), *above).hides("sheet", TABLE)


def test_where_it_is_not_certain_which_window_holds_it_nothing_is_hidden() -> None:
    cover = window("letter")
    assert not stacking(window("sheet"), window("sheet"), cover).hides("sheet", TABLE)
    assert not stacking(window("another"), cover).hides("sheet", TABLE)
    assert not stacking(window("sheet", pid=OTHER), cover).hides("sheet", TABLE)
    assert not stacking(window("sheet", (0, 0, 500, 800)), cover).hides("sheet", TABLE)  # is not in it
    assert not stacking(window("sheet", minimized=True), cover).hides("sheet", TABLE)


def test_what_was_told_holds_until_the_windows_say_otherwise() -> None:
    sheet, letter = window("sheet"), window("letter")
    now: tuple[Window, ...] = (sheet, letter)
    told = Stacking(OFFICE, lambda: stacked(now))
    assert told.still_holds()  # Nothing was asked.
    assert told.hides("sheet", TABLE)
    assert told.still_holds()
    now = (sheet, letter, window("panel", (0, 0, 1000, 20)))
    assert told.still_holds()
    now = (letter, sheet)
    assert not told.still_holds()
    assert not told.hides("sheet", TABLE)
    assert told.still_holds()
    now = (sheet, letter)
    assert not told.still_holds()


def test_what_may_hide_a_part_is_above_the_very_window_where_that_is_known() -> None:
    lower, upper, panel = window("lower"), window("upper", TABLE), window("panel", (0, 0, 9, 9), OTHER)
    windows = stacking(window("below", pid=OTHER), lower, upper, panel)
    assert windows.above("lower") == (TABLE, (0, 0, 9, 9))
    assert windows.above("upper") == ((0, 0, 9, 9),)
    assert windows.above("unknown") == (TABLE, (0, 0, 9, 9))  # as of the lowest
    assert Stacking(99, lambda: stacked((lower, upper))).above("lower") == ()
