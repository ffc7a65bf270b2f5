"""What is asked of a benchmark on the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from runner.bench.figures import Figure

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """None is the benchmark's own default. `quick`: only see that it works; its figures say nothing."""

    quick: bool = False
    backend: str | None = None
    runs: int | None = None
    tasks: int | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`measure` yields each figure as soon as it is measured, and tells what is going on. `takes` are the
    fields of a request that mean something to it."""

    measure: Callable[[Request, Tell], AsyncIterator[Figure]]
    takes: frozenset[str]
