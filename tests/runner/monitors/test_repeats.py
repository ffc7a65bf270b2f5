"""Repeated steps: a loop is told from work that only looks like one."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from runner.monitors.repeats import MAX_BLOCK, RepeatsMonitor
from runner.monitors.spec import Repeats
from runner.monitors.step import Step
from tests.runner.monitors.steps import step

DOWN = {"press": "Down"}


def alarms(steps: Iterable[Step], times: int = 5) -> list[str | None]:
    monitor = RepeatsMonitor(Repeats(times=times))
    return [monitor.see(one) for one in steps]


def test_the_same_action_on_the_same_screen_is_a_loop_the_fifth_time() -> None:
    said = alarms(step("list", DOWN) for _ in range(5))
    assert said[:4] == [None] * 4
    assert said[4] == "the same step on the same screen, 5 times; the last: press"


def test_twenty_times_down_through_a_list_is_none() -> None:
    assert alarms(step(f"row {row}", DOWN) for row in range(20)) == [None] * 20


def test_to_and_fro_between_two_screens_is_a_loop() -> None:
    there, back = step("a", {"press": "ctrl+Tab"}), step("b", {"press": "ctrl+shift+Tab"})
    said = alarms([there, back] * 5)
    assert [index for index, one in enumerate(said) if one] == [9]
    assert "the same 2 steps" in str(said[9])


def test_a_form_filled_in_again_and_again_with_other_words_is_none() -> None:
    rows = [
        one
        for row in range(20)
        for one in (step("empty form", {"click": {"role": "entry"}}), step("focused", {"type": f"row {row}"}))
    ]
    assert not any(alarms(rows))


def test_waiting_is_not_repeating() -> None:
    waits = [step("loading", {"wait_for": {"role": "label", "name": "Done"}}) for _ in range(50)]
    assert not any(alarms(waits))


def test_a_loop_interrupted_by_waits_is_still_one() -> None:
    wait = step("list", {"wait_for": {"role": "label"}})
    assert any(alarms([one for _ in range(5) for one in (step("list", DOWN), wait)]))


def test_having_warned_it_counts_anew() -> None:
    said = alarms(step("list", DOWN) for _ in range(12))
    assert [index for index, one in enumerate(said) if one] == [4, 9]


@given(
    st.integers(1, MAX_BLOCK),
    st.integers(2, 6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20),
)
def test_any_block_done_often_enough_is_found(block: int, times: int, before: list[tuple[int, int]]) -> None:
    earlier = [step(f"s{screen}", {"type": f"t{text}"}) for screen, text in before]
    again = [step(f"x{number}", DOWN) for number in range(block)] * times
    assert any(alarms(earlier + again, times))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=60), st.integers(2, 5))
def test_nothing_is_found_where_no_block_repeats(steps: list[tuple[int, int]], times: int) -> None:
    found = any(alarms([step(f"s{a}", {"type": f"t{b}"}) for a, b in steps], times))
    really = any(
        steps[end - size * times : end - size] == steps[end - size * (times - 1) : end]
        for size in range(1, MAX_BLOCK + 1)
        for end in range(size * times, len(steps) + 1)
    )
    assert found == really
