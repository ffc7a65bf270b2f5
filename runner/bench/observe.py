"""`scripts/bench observe`: what it costs to look at a desktop, to act on it, and to keep a record."""

from __future__ import annotations

from collections.abc import AsyncIterator

from runner.bench.companion import run_companion
from runner.bench.desk import busy_desktop
from runner.bench.effort import Effort
from runner.bench.figures import Figure
from runner.bench.looking import measure_action, measure_screenshots, measure_trees
from runner.bench.recording import measure_step, measure_store
from runner.bench.request import Tell
from runner.bench.swarm import measure_swarm
from sandboxes.host import DEFAULT_BACKEND, Host


async def observe(host: Host, backend: str | None, effort: Effort, tell: Tell) -> AsyncIterator[Figure]:
    """The figures, each as soon as it is measured; `tell` is given notes on what is going on."""
    backend = backend or DEFAULT_BACKEND
    tell("starting a desktop with Calc, Chromium, Thunar and Mousepad")
    async with busy_desktop(host, backend) as desktop, run_companion(desktop) as companion:
        tell(f"screenshots: medians of {effort.readings}")
        for figure in await measure_screenshots(desktop, companion, effort.readings):
            yield figure
        tell(f"tree: medians of {effort.walks}")
        for figure in await measure_trees(desktop, companion, effort.walks, tell):
            yield figure
        tell(f"action: medians of {effort.readings}")
        yield await measure_action(desktop, effort.readings)
        tell(f"step: median of {effort.steps}")
        yield await measure_step(desktop, effort.steps)
        tell("store_bytes: one session")
        yield await measure_store(desktop, effort.session_rounds, tell)
    tell(f"swarm: {effort.swarm_desktops} desktops, {effort.swarm_steps} steps each")
    for figure in await measure_swarm(host, backend, effort.swarm_desktops, effort.swarm_steps):
        yield figure
