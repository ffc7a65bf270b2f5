"""The statistics, against what can be counted or is published."""

from __future__ import annotations

from itertools import combinations, product
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.suites.numbers import pass_at_k, pass_hat_k, sign_flip_p, spread, wilson

SHARES = st.floats(min_value=0, max_value=1)


def test_wilson_as_published() -> None:
    """Newcombe (1998), table I, method 3: 81 of 263, and none of 20."""
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(0.5, 0) == (0, 1)


@given(SHARES, st.integers(1, 2000))
def test_an_interval_holds_its_share_and_narrows(share: float, count: int) -> None:
    low, high = wilson(share, count)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
    wider = wilson(share, max(1, count // 4))
    assert wider[1] - wider[0] >= high - low - 1e-9


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_and_pass_hat_k_are_what_counting_says(case: tuple[int, int, int]) -> None:
    trials, passed, k = case
    chosen = list(combinations([True] * passed + [False] * (trials - passed), k))
    assert pass_at_k(trials, passed, k) == pytest.approx(mean(any(one) for one in chosen))
    assert pass_hat_k(trials, passed, k) == pytest.approx(mean(all(one) for one in chosen))


def test_few_differences_are_counted_out() -> None:
    differences = [1.0, 0.5, -0.5, 0.0, 1.0]
    signs = list(product((-1, 1), repeat=5))
    extreme = [s for s in signs if abs(sum(a * b for a, b in zip(s, differences, strict=True))) >= 2]
    assert sign_flip_p(differences) == pytest.approx(len(extreme) / len(signs))
    assert sign_flip_p([0.0, 0.0]) == 1
    assert sign_flip_p([]) == 1


def test_many_differences_are_drawn_and_repeat() -> None:
    clear = [1.0] * 30
    assert sign_flip_p(clear) == sign_flip_p(clear) < 0.001
    assert sign_flip_p([1.0, -1.0] * 15) > 0.5


def test_a_spread() -> None:
    found = spread([float(number) for number in range(1, 12)])
    assert found is not None
    assert (found.median, found.p10, found.p90, found.total) == (6, 2, 10, 66)
    assert spread([]) is None
    alone = spread([3.0])
    assert alone is not None
    assert (alone.p10, alone.p90) == (3, 3)
