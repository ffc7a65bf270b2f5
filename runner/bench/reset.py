"""`scripts/bench reset`: from one task's end to the next one's desktop, its application open and at rest.

Ours is what the runner does: the desktop is ended, and a warm one leased. The baseline is what `DesktopEnv`
does: the desktop is ended, another one booted, and the application opened on it.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from statistics import median

from runner.bench.backends import backends_to_measure
from runner.bench.desk import window_titled
from runner.bench.effort import Effort
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from runner.warming import AHEAD
from sandboxes.deadline import Pace, deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import ImageNotFound
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Program

GOAL = Goal(times=10)
_START_S = 300.0
_REST_S = 60.0

Next = Callable[[], Awaitable[Desktop]]
"""A way to the next desktop."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A desktop with an application open, whose window's title holds `title`."""

    name: str
    image: str
    program: Program
    title: str


KINDS = (
    _Kind("editor", "slim", ("mousepad",), "Mousepad"),
    _Kind("calc", "desktop", ("libreoffice", "--calc"), "LibreOffice Calc"),
)
"""A light application, and one as heavy as those of most of OSWorld's tasks."""


async def reset(host: Host, backend: str | None, effort: Effort, tell: Tell) -> AsyncIterator[Figure]:
    """For each backend and kind: with the pool full again before each reset, as where an agent works for
    longer than a boot takes; one reset right after the other; and how long the pool takes to fill again."""
    async for measured in backends_to_measure(host, backend, tell):
        for kind in KINDS:
            resets = _Resets(host, measured.name, kind)
            try:
                await host.prepare(resets.spec, backend=measured.name)
            except ImageNotFound as error:
                tell(f"{measured.name}: {kind.name} is not measured: {error}")
                continue
            name = f"{kind.name}_{measured.name}"
            tell(f"{name}: {effort.resets} resets of each way; a load of {os.getloadavg()[0]:.1f}")
            async for figure in _figures(resets, name, effort.resets):
                yield figure
            tell(f"{name}: done; a load of {os.getloadavg()[0]:.1f}")


async def _figures(resets: _Resets, name: str, count: int) -> AsyncIterator[Figure]:
    ours, baseline, refills = await _in_turn(resets, count)
    yield Figure.of(f"reset_{name}", "s", ours, baseline, goal=GOAL)
    yield Figure.of(f"reset_back_to_back_{name}", "s", await _back_to_back(resets, count), baseline)
    yield Figure.of(f"reset_refill_{name}", "s", refills)


async def _in_turn(resets: _Resets, count: int) -> tuple[float, float, float]:
    """Medians of our resets, of the baseline's, and of the time the pool took to fill again. It is full
    before each, so that nothing boots beside it but what a lease itself sets off. The first of each is
    dropped."""
    ours, baseline, refills = list[float](), list[float](), list[float]()
    desktop = await resets.next_booted()
    for _ in range(count + 1):
        await resets.until_warm(1)
        desktop, took_s = await resets.timed(desktop, resets.next_warm)
        ours.append(took_s)
        began = time.perf_counter()
        await resets.until_warm(1)
        refills.append(time.perf_counter() - began)
        desktop, took_s = await resets.timed(desktop, resets.next_booted)
        baseline.append(took_s)
    await desktop.stop()
    resets.keep_warm(0)
    return median(ours[1:]), median(baseline[1:]), median(refills[1:])


async def _back_to_back(resets: _Resets, count: int) -> float:
    """The mean where no agent works in between: the pool, at first as full as a run keeps it, cannot follow,
    and some find a warm desktop while others boot their own, which no median tells."""
    await resets.until_warm(AHEAD)
    desktop = await resets.next_warm()
    began = time.perf_counter()
    for _ in range(count):
        await desktop.stop()
        desktop = await resets.next_warm()
    took_s = time.perf_counter() - began
    await desktop.stop()
    resets.keep_warm(0)
    return took_s / count


@dataclass(frozen=True, slots=True)
class _Resets:
    """Ways from one desktop of a kind to the next."""

    host: Host
    backend: str
    kind: _Kind

    @property
    def spec(self) -> DesktopSpec:
        return DesktopSpec(image=self.kind.image, open=(self.kind.program,))

    async def next_warm(self) -> Desktop:
        return await self._at_rest(await self._start(self.spec))

    async def next_booted(self) -> Desktop:
        """No warm one is of this spec: what the pool keeps has the application open."""
        desktop = await self._start(DesktopSpec(image=self.kind.image))
        await desktop.open(self.kind.program)
        return await self._at_rest(desktop)

    async def timed(self, desktop: Desktop, next_one: Next) -> tuple[Desktop, float]:
        """The next desktop, and the seconds from the end of the task that was at work on this one."""
        await desktop.type("the work of a task")
        await desktop.settle()
        began = time.perf_counter()
        await desktop.stop()
        following = await next_one()
        return following, time.perf_counter() - began

    def keep_warm(self, count: int) -> None:
        self.host.warm(self.spec, count, backend=self.backend)

    async def until_warm(self, count: int) -> None:
        self.keep_warm(count)
        pace = Pace()
        with deadline(f"{count} warm {self.backend} desktops", _START_S):
            while self.host.warm_ready(self.spec, backend=self.backend) < count:
                await pace.wait()

    async def _start(self, spec: DesktopSpec) -> Desktop:
        return await self.host.start(spec, holder="bench", backend=self.backend, timeout=_START_S)

    async def _at_rest(self, desktop: Desktop) -> Desktop:
        """By the rule that steps settle by, which a cold application may meet before it is quite done: that
        favours the baseline."""
        await window_titled(desktop, self.kind.title)
        await desktop.settle(timeout=_REST_S)
        return desktop
