"""`scripts/bench density`: how many desktops a machine carries at once, each answering."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio

from runner.bench.backends import SMALL, backends_to_measure
from runner.bench.effort import Effort
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from sandboxes.admission import Wait
from sandboxes.backends import memory_of
from sandboxes.desktop import Desktop
from sandboxes.host import Host

COUNT = Goal(at_least=64)
_START_S = 300.0
_ANSWER_S = 300.0
_MB = 1_000_000


async def density(host: Host, backend: str | None, effort: Effort, tell: Tell) -> AsyncIterator[Figure]:
    """Starts desktops until there are enough, or the host has no room for more; then asks all at once."""
    async for measured in backends_to_measure(host, backend, tell):
        name = measured.name
        tell(f"{name}: at most {effort.density} desktops")
        async with AsyncExitStack() as stack:
            began = time.perf_counter()
            desktops = await _fill(host, name, effort.density, stack, tell)
            filled_s = time.perf_counter() - began
            answered_s = await _ask_all(desktops)
            used = (await memory_of(measured, [desktop.id for desktop in desktops])).values()
        yield Figure.of(f"density_{name}", "desktops", len(desktops), goal=COUNT)
        yield Figure.of(f"density_start_{name}", "s each", filled_s / len(desktops))
        yield Figure.of(f"density_screenshot_{name}", "s, slowest", answered_s)
        if used:
            yield Figure.of(f"density_memory_{name}", "MB each", sum(used) / len(used) / _MB)


async def _fill(host: Host, backend: str, most: int, stack: AsyncExitStack, tell: Tell) -> list[Desktop]:
    """As many as have room, a few booting at a time; the first that must wait is the last that is tried."""
    desktops: list[Desktop] = []

    async def full(wait: Wait) -> None:
        if wait.place == 1:
            tell(f"{backend}: {wait.reason}")
            starts.cancel_scope.cancel()

    async def start(number: int) -> None:
        async with turns:
            desktop = await host.start(
                SMALL, holder=f"bench-{number}", backend=backend, on_wait=full, timeout=_START_S
            )
            desktops.append(await stack.enter_async_context(desktop))

    turns = anyio.CapacityLimiter(2)
    async with anyio.create_task_group() as starts:
        for number in range(most):
            starts.start_soon(start, number)
    return desktops


async def _ask_all(desktops: list[Desktop]) -> float:
    """Seconds until the last of all has answered with its screen."""
    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for desktop in desktops:
            tasks.start_soon(_ask, desktop)
    return time.perf_counter() - began


async def _ask(desktop: Desktop) -> None:
    await desktop.screenshot(timeout=_ANSWER_S)
