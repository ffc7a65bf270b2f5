"""Every benchmark by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator

from runner.bench.coordination import bench as of_coordination
from runner.bench.effort import FULL, QUICK
from runner.bench.figures import Figure
from runner.bench.observe import observe
from runner.bench.request import Benchmark, Request, Tell
from runner.bench.scale import bench as of_scale
from runner.bench.survival import bench as of_survival
from sandboxes.host import DEFAULT_BACKEND, Host

_QUICK_RUNS, _QUICK_TASKS, _QUICK_EVENTS = 3, 20, 5000


async def _observe(request: Request, tell: Tell) -> AsyncIterator[Figure]:
    effort = QUICK if request.quick else FULL
    async with Host() as host:
        async for figure in observe(host, request.backend or DEFAULT_BACKEND, effort, tell):
            yield figure


def _coordination(request: Request, tell: Tell) -> AsyncIterator[Figure]:
    plans = request.runs or (_QUICK_RUNS if request.quick else of_coordination.PLANS)
    return of_coordination.coordination(plans, of_coordination.SEED, tell)


def _scale(request: Request, tell: Tell) -> AsyncIterator[Figure]:
    tasks = request.tasks or (_QUICK_TASKS if request.quick else of_scale.TASKS)
    events = _QUICK_EVENTS if request.quick else of_scale.EVENTS
    return of_scale.scale(tasks, of_scale.DESKTOPS, events, tell)


def _survival(request: Request, tell: Tell) -> AsyncIterator[Figure]:
    kills = request.runs or (_QUICK_RUNS if request.quick else of_survival.KILLS)
    return of_survival.survival(request.backend or "simulated", kills, of_survival.SEED, tell)


BENCHMARKS = {
    "observe": Benchmark(_observe, frozenset({"backend"})),
    "coordination": Benchmark(_coordination, frozenset({"runs"})),
    "scale": Benchmark(_scale, frozenset({"tasks"})),
    "survival": Benchmark(_survival, frozenset({"backend", "runs"})),
}
