"""Many desktops at once, each with an agent that types as fast as its desktop lets it."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import anyio

from runner.bench.desk import open_editor
from runner.bench.figures import Figure, Goal
from runner.bench.sessions import Records, action, fresh_records
from sandboxes.desktop import Desktop
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

SLOWEST = Goal(at_most=2)


async def measure_swarm(host: Host, backend: str, desktops: int, steps: int) -> list[Figure]:
    """The slowest step of all, and how many steps all together take in a second."""
    async with AsyncExitStack() as stack:
        started = await _start(host, backend, desktops, stack)
        with fresh_records() as records:
            seconds, took_s = await _type_at_once(started, records, steps)
    return [
        Figure.of(f"swarm{desktops}", "s", max(seconds), goal=SLOWEST),
        Figure.of(f"swarm{desktops}_rate", "steps/s", len(seconds) / took_s),
    ]


async def _start(host: Host, backend: str, count: int, stack: AsyncExitStack) -> list[Desktop]:
    desktops: list[Desktop] = []

    async def start(number: int) -> None:
        desktop = await host.start(
            DesktopSpec(image="slim"), holder=f"bench-{number}", backend=backend, labels={"bench": "observe"}
        )
        desktops.append(await stack.enter_async_context(desktop))
        await open_editor(desktop)

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(start, number)
    return desktops


async def _type_at_once(desktops: list[Desktop], records: Records, steps: int) -> tuple[list[float], float]:
    """Every step's seconds, and the seconds from the first step's begin to the last one's end."""
    taken: list[float] = []
    began = time.perf_counter()

    async def run(desktop: Desktop) -> None:
        keys = [action({"type": "x"})] * steps
        taken.extend(await records.run_session(desktop, keys))

    async with anyio.create_task_group() as tasks:
        for desktop in desktops:
            tasks.start_soon(run, desktop)
    return taken, time.perf_counter() - began
