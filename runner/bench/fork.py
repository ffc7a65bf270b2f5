"""`scripts/bench fork`: copies of a session that has worked, copies of copies, and clones of a template."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from statistics import median

from runner.bench.backends import SMALL, backends_to_measure
from runner.bench.desk import EDITOR, focus_editor, open_editor
from runner.bench.effort import Effort
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from sandboxes.backend import Backend
from sandboxes.backends import memory_of
from sandboxes.desktop import Desktop
from sandboxes.host import Host

RUNNING = Goal(at_most=0.5)
SHOWN = Goal(at_most=1.5)
LAST_GENERATION = Goal(at_most=1.5)
MEMORY = Goal(at_most=150)
_ACTIONS = 10
_START_S = 300.0
_MB = 1_000_000


async def fork(host: Host, backend: str | None, effort: Effort, tell: Tell) -> AsyncIterator[Figure]:
    """For each backend that can copy desktops; the goals are for those that copy them alive."""
    async for measured in backends_to_measure(host, backend, tell):
        if measured.capabilities.snapshots == "none":
            tell(f"{measured.name} is not measured: it cannot copy desktops")
            continue
        async with await host.start(SMALL, holder="bench", backend=measured.name, timeout=_START_S) as first:
            await open_editor(first)
            await _work(first)
            tell(f"{measured.name}: medians of {effort.forks} forks of a desktop with an editor open")
            for figure in await _forks(measured, first, effort.forks):
                yield figure
            tell(f"{measured.name}: {effort.generations} generations, each a fork of the one before")
            yield await _generations(measured, first, effort)
        if measured.capabilities.live_fork:
            tell(f"{measured.name}: {effort.clones} desktops at once, cloned with an editor open")
            yield await _clones(host, measured, effort.clones)


async def _forks(backend: Backend, source: Desktop, count: int) -> list[Figure]:
    running, shown = list[float](), list[float]()
    memory: list[int] = []
    for _ in range(count):
        began = time.perf_counter()
        async with await source.fork("bench", timeout=_START_S) as copy:
            running.append(time.perf_counter() - began)
            await copy.screenshot()
            shown.append(time.perf_counter() - began)
            if backend.capabilities.live_fork:
                await _work(copy)
                memory += (await memory_of(backend, [copy.id])).values()
    live, name = backend.capabilities.live_fork, backend.name
    figures = [
        Figure.of(f"fork_running_{name}", "s", median(running), goal=RUNNING if live else None),
        Figure.of(f"fork_{name}", "s", median(shown), goal=SHOWN if live else None),
    ]
    if memory:
        figures.append(Figure.of(f"fork_memory_{name}", "MB", median(memory) / _MB, goal=MEMORY))
    return figures


async def _generations(backend: Backend, first: Desktop, effort: Effort) -> Figure:
    """How much longer the last generation takes than the first: the ratio of the medians."""
    taken: list[list[float]] = [[] for _ in range(effort.generations)]
    for _ in range(effort.forks):
        await _descend(first, taken)
    ratio = median(taken[-1]) / median(taken[0])
    goal = LAST_GENERATION if backend.capabilities.live_fork else None
    return Figure.of(f"fork_generation{effort.generations}_{backend.name}", "x the first", ratio, goal=goal)


async def _descend(parent: Desktop, taken: list[list[float]]) -> None:
    """Fork, work in the copy, fork that. Each generation lives until those below it have ended."""
    if not taken:
        return
    began = time.perf_counter()
    async with await parent.fork("bench", timeout=_START_S) as copy:
        await copy.screenshot()
        taken[0].append(time.perf_counter() - began)
        await _work(copy)
        await _descend(copy, taken[1:])


async def _clones(host: Host, backend: Backend, count: int) -> Figure:
    """The memory of each, once all have worked."""
    spec = SMALL.model_copy(update={"open": (EDITOR,)})
    async with AsyncExitStack() as stack:
        ids = []
        for _ in range(count):
            desktop = await host.start(spec, holder="bench", backend=backend.name, timeout=_START_S)
            await stack.enter_async_context(desktop)
            await focus_editor(desktop)
            await _work(desktop)
            ids.append(desktop.id)
        used = (await memory_of(backend, ids)).values()
    return Figure.of(f"clone_memory_{backend.name}", "MB", median(used) / _MB, goal=MEMORY)


async def _work(desktop: Desktop) -> None:
    for number in range(_ACTIONS):
        await desktop.type(f"{number} ")
    await desktop.settle()
