"""`scripts/bench start`: from the call to a painted desktop at rest, and a lease from the warm pool."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from statistics import median

from runner.bench.backends import SMALL, backends_to_measure
from runner.bench.effort import Effort
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from sandboxes.deadline import Pace, deadline
from sandboxes.host import Host

GOALS = {"bubblewrap": Goal(at_most=0.5), "docker": Goal(at_most=0.8)}
LEASE = Goal(at_most=20)
_WARM_S = 300.0
_MS = 1000


async def start(host: Host, backend: str | None, effort: Effort, tell: Tell) -> AsyncIterator[Figure]:
    """A figure of each kind for each backend that works here, or for the one that is named."""
    async for measured in backends_to_measure(host, backend, tell):
        name = measured.name
        tell(f"{name}: the median of {effort.starts} starts, then of as many leases")
        yield Figure.of(f"start_{name}", "s", await _starts(host, name, effort.starts), goal=GOALS.get(name))
        lease_s = await _leases(host, name, effort.starts)
        yield Figure.of(f"lease_{name}", "ms", lease_s * _MS, goal=LEASE)


async def _starts(host: Host, backend: str, count: int) -> float:
    """The first, which finds nothing in the machine's caches, is dropped."""
    return median([await _timed_start(host, backend) for _ in range(count + 1)][1:])


async def _leases(host: Host, backend: str, count: int) -> float:
    host.warm(SMALL, 1, backend=backend)
    taken = []
    for _ in range(count):
        await _until_warm(host, backend)
        taken.append(await _timed_start(host, backend))
    host.warm(SMALL, 0, backend=backend)
    return median(taken)


async def _timed_start(host: Host, backend: str) -> float:
    """Seconds until the desktop was there; what it shows has come to rest by then."""
    began = time.perf_counter()
    desktop = await host.start(SMALL, holder="bench", backend=backend, labels={"bench": "start"})
    took = time.perf_counter() - began
    await desktop.stop()
    return took


async def _until_warm(host: Host, backend: str) -> None:
    pace = Pace()
    with deadline(f"a warm {backend} desktop", _WARM_S):
        while not host.warm_ready(SMALL, backend=backend):
            await pace.wait()
