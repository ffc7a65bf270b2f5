"""The statistics of a benchmark: intervals, pass@k, pass^k, and whether two runs differ.

A task is the unit of chance: repeats of one task say little about another, so that intervals and tests
count tasks, not trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from random import Random
from statistics import mean, median, quantiles

from sandboxes.spec import Model

Z_95 = 1.959963984540054
_EXACT_UP_TO = 14
_SHUFFLES = 20_000
_SEED = 4711


def wilson(share: float, count: int, z: float = Z_95) -> tuple[float, float]:
    """The interval of a share of `count` independent tasks (Wilson, 1927); all of [0, 1] without any.

    With repeats, `share` is the mean of the tasks' own shares, which vary less than single trials: the
    interval is then too wide rather than too narrow.
    """
    if count == 0:
        return 0.0, 1.0
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, centre - spread), min(1.0, centre + spread)


def pass_at_k(trials: int, passed: int, k: int) -> float:
    """How likely one or more of `k` trials pass, estimated without bias (Chen et al., 2021)."""
    if trials - passed < k:
        return 1.0
    return 1 - math.comb(trials - passed, k) / math.comb(trials, k)


def pass_hat_k(trials: int, passed: int, k: int) -> float:
    """How likely all of `k` trials pass, estimated without bias (the pass^k of tau-bench, 2024)."""
    return math.comb(passed, k) / math.comb(trials, k)


class Spread(Model):
    """Of some amounts; `p10` and `p90` are deciles."""

    mean: float
    median: float
    p10: float
    p90: float
    total: float


def spread(amounts: Sequence[float]) -> Spread | None:
    if not amounts:
        return None
    cuts = quantiles(amounts, n=10, method="inclusive") if len(amounts) > 1 else [amounts[0]] * 9
    return Spread(
        mean=mean(amounts), median=median(amounts), p10=cuts[0], p90=cuts[-1], total=math.fsum(amounts)
    )


def sign_flip_p(differences: Sequence[float]) -> float:
    """How likely a mean difference as large as this one, either way, is by chance, where it is only chance
    which run of each pair had which score: a paired permutation test.

    Exact for up to 14 pairs that differ, else from 20,000 draws with a fixed seed, never below 1 in those.
    """
    unequal = [abs(one) for one in differences if one]
    seen = abs(math.fsum(differences)) - 1e-12
    if not unequal:
        return 1.0
    if len(unequal) <= _EXACT_UP_TO:
        signs = list(product((-1, 1), repeat=len(unequal)))
        return sum(_as_large(unequal, one, seen) for one in signs) / len(signs)
    random = Random(_SEED)
    draws = ([random.choice((-1, 1)) for _ in unequal] for _ in range(_SHUFFLES))
    return (1 + sum(_as_large(unequal, one, seen) for one in draws)) / (1 + _SHUFFLES)


def _as_large(amounts: Sequence[float], signs: Sequence[int], seen: float) -> bool:
    return abs(math.fsum(sign * amount for sign, amount in zip(signs, amounts, strict=True))) >= seen
