"""Every benchmark by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from runner.bench.churn import churn
from runner.bench.coordination import bench as of_coordination
from runner.bench.density import density
from runner.bench.effort import FULL, QUICK, Effort
from runner.bench.figures import Figure
from runner.bench.fork import fork
from runner.bench.observe import observe
from runner.bench.request import Benchmark, Request, Tell
from runner.bench.reset import reset
from runner.bench.scale import bench as of_scale
from runner.bench.start import start
from runner.bench.survival import bench as of_survival
from sandboxes.host import Host

_QUICK_RUNS, _QUICK_TASKS, _QUICK_EVENTS = 3, 20, 5000


OnHost = Callable[[Host, str | None, Effort, Tell], AsyncIterator[Figure]]


def _on_host(measure: OnHost) -> Benchmark:
    async def on_a_host(request: Request, tell: Tell) -> AsyncIterator[Figure]:
        async with Host() as host:
            async for figure in measure(host, request.backend, QUICK if request.quick else FULL, tell):
                yield figure

    return Benchmark(on_a_host, frozenset({"backend"}))


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
    "observe": _on_host(observe),
    "start": _on_host(start),
    "reset": _on_host(reset),
    "fork": _on_host(fork),
    "density": _on_host(density),
    "churn": _on_host(churn),
    "coordination": Benchmark(_coordination, frozenset({"runs"})),
    "scale": Benchmark(_scale, frozenset({"tasks"})),
    "survival": Benchmark(_survival, frozenset({"backend", "runs"})),
}
