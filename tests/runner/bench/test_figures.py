"""Figures: the ratio, the goal, what is printed; and how readings become medians."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from runner.bench.effort import FULL
from runner.bench.figures import Figure, Goal
from runner.bench.looking import shared
from runner.bench.recording import varied_work
from runner.bench.report import print_json, print_table
from runner.bench.timing import WARM_UP, compare, timed

pytestmark = pytest.mark.anyio
FIELDS = ["name", "unit", "ours", "baseline", "ratio", "goal", "met"]


@pytest.mark.parametrize(
    ("ours", "baseline", "goal", "met"),
    [
        (2, 100, Goal(times=50, at_most=5), True),
        (2.1, 100, Goal(times=50, at_most=5), False),
        (6, 600, Goal(times=50, at_most=5), False),
        (6, 600, Goal(times=50), True),
        (250, None, Goal(at_most=250), True),
        (250.0001, None, Goal(at_most=250), False),
        (1, None, Goal(times=2), False),
        (1, 2, None, None),
    ],
)
def test_a_goal_is_judged_by_what_was_measured(
    ours: float, baseline: float | None, goal: Goal | None, met: bool | None
) -> None:
    assert Figure.of("a", "ms", ours, baseline, goal).met is met


def test_the_ratio_says_how_many_times_better_than_the_baseline() -> None:
    figure = Figure.of("tree", "ms", 60, 2700, Goal(times=40, at_most=100))
    assert (figure.ratio, figure.goal) == (45, "40x, at most 100 ms")
    assert Figure.of("a", "ms", 3, 1).ratio == 0.3333


def test_json_is_one_object_with_null_for_what_does_not_apply(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([Figure.of("a", "ms", 1.23456, 10, Goal(times=2)), Figure.of("b", "steps/s", 7)])
    first, second = json.loads(capsys.readouterr().out)["figures"]
    assert list(first) == list(second) == FIELDS
    assert first == dict(zip(FIELDS, ("a", "ms", 1.235, 10, 8.1, "2x", True), strict=True))
    assert second == dict(zip(FIELDS, ("b", "steps/s", 7, None, None, None, None), strict=True))


def test_the_table_cuts_nothing_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    name = "screenshot_unchanged_and_much_more_of_a_name_than_fits_into_eighty_columns_of_text"
    print_table([Figure.of(name, "bytes/step", 123456, 7654321, Goal(times=10, at_most=5))])
    [row] = [line for line in capsys.readouterr().out.splitlines() if name in line]
    for cell in ("bytes/step", "123,500", "7,654,000", "62x", "10x, at most 5 bytes/step", "no"):
        assert cell in row


async def test_readings_are_taken_in_turn_and_the_first_ones_dropped() -> None:
    taken: list[str] = []
    ours, baseline = iter([*[900.0] * WARM_UP, 1, 3, 2]), iter([*[800.0] * WARM_UP, 30, 10, 20])

    async def read_ours() -> float:
        taken.append("ours")
        return next(ours)

    async def read_baseline() -> float:
        taken.append("baseline")
        return next(baseline)

    async def before() -> None:
        taken.append("before")

    assert await compare(read_ours, read_baseline, 3, before) == (2, 20)
    assert taken == ["before", "ours", "before", "baseline"] * (WARM_UP + 3)


async def test_a_reading_is_how_long_the_caller_waited() -> None:
    async def nothing() -> None:
        return None

    assert 0 <= await timed(nothing)() < 1


def test_what_two_trees_share() -> None:
    one, two = ("label", "a"), ("label", "b")
    assert shared(Counter([one, one, two]), Counter([one, two, two])) == pytest.approx(0.5)
    assert shared(Counter([one]), Counter([one])) == 1
    assert shared(Counter(), Counter()) == 0


def test_the_session_whose_record_is_measured_has_a_hundred_steps() -> None:
    assert sum(len(varied_work(number)) for number in range(FULL.session_rounds)) >= 100
