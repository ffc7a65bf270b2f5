"""Timing: medians of many readings, ours and the baseline's in turn, the first ones dropped."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from statistics import median

Reading = Callable[[], Awaitable[float]]
"""Takes one reading, in seconds."""

WARM_UP = 3


def timed(operation: Callable[[], Awaitable[object]]) -> Reading:
    """A reading of how long the caller waits for an operation."""

    async def read() -> float:
        started = time.perf_counter()
        await operation()
        return time.perf_counter() - started

    return read


async def compare(
    ours: Reading, baseline: Reading, rounds: int, before: Callable[[], Awaitable[object]] | None = None
) -> tuple[float, float]:
    """The medians of so many readings of each, in seconds, taken in turn so that both meet the same machine.

    `before` is carried out, untimed, before each reading.
    """
    readings: tuple[list[float], list[float]] = ([], [])
    for _ in range(WARM_UP + rounds):
        for read, taken in zip((ours, baseline), readings, strict=True):
            if before is not None:
                await before()
            taken.append(await read())
    first, second = readings
    return median(first[WARM_UP:]), median(second[WARM_UP:])
