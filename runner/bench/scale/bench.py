"""`scripts/bench scale`: what one controller carries."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from anyio import to_thread

from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from runner.bench.scale.crowd import Crowd, run_crowd
from runner.bench.scale.history import time_of_resume, time_of_show, write_history
from runner.bench.scale.writing import measure_writing

DESKTOPS = 1000
TASKS = 4000
EVENTS = 1_000_000
STEPS = 20
_PARTS = 10
"""The run of all tasks is compared with one of so many times fewer."""


async def scale(tasks: int, desktops: int, events: int, tell: Tell) -> AsyncIterator[Figure]:
    """The figures, each as soon as it is measured; `tell` is given what is going on."""
    with TemporaryDirectory(prefix="deskswarm-bench-") as folder:
        home = Path(folder)
        tell(f"journaled steps: {desktops} sessions of {STEPS} steps each")
        rate = await measure_writing(home / "writing", desktops, STEPS)
        yield Figure.of("journaled_steps", "steps/s", rate, goal=Goal(at_least=2000))
        tell(f"{tasks // _PARTS} tasks, and then {tasks}, on {desktops} simulated desktops")
        few = await run_crowd(home / "few", tasks // _PARTS, desktops)
        for figure in _figures(few, await run_crowd(home / "many", tasks, desktops)):
            yield figure
        tell(f"a journal of {events} events")
        await to_thread.run_sync(write_history, home / "history", events)
        show_s = await to_thread.run_sync(time_of_show, home / "history")
        yield Figure.of("show_of_long_journal", "s", show_s, goal=Goal(at_most=5))
        resume_s = await to_thread.run_sync(time_of_resume, home / "history")
        yield Figure.of("resume_of_long_journal", "s", resume_s, goal=Goal(at_most=5))


def _figures(few: Crowd, many: Crowd) -> list[Figure]:
    latency = [each * 1000 for each in many.dispatched_s] or [0.0, 0.0]
    cost, cost_of_few = (1000 * crowd.cpu_s / crowd.steps for crowd in (many, few))
    return [
        Figure.of("simulated_steps", "steps/s", many.steps / many.took_s),
        Figure.of("cost_of_step", "ms", cost, cost_of_few, Goal(times=0.8)),
        Figure.of("dispatch_latency_median", "ms", median(latency)),
        Figure.of("dispatch_latency_p99", "ms", quantiles(latency, n=100)[-1]),
        Figure.of("memory_peak", "MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    ]
