"""`scripts/bench churn`: desktops come and go, and now and then their controller is killed. What is left?"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import anyio

from runner.bench.backends import backends_to_measure
from runner.bench.cycle import live_once
from runner.bench.effort import Effort
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from sandboxes.backend import Backend, load_backend
from sandboxes.conformance.traces import traces
from sandboxes.deadline import Pace
from sandboxes.home import images_folder
from sandboxes.host import Host
from sandboxes.owner import Owner

NOTHING = Goal(at_most=0)
_SEED = 20
_CLEAN_S = 60.0


async def churn(host: Host, backend: str | None, effort: Effort, tell: Tell) -> AsyncIterator[Figure]:
    """For each backend: its cycles, what is left of them a while after the last, and how long that took."""
    async for measured in backends_to_measure(host, backend, tell):
        name = measured.name
        tell(f"{name}: {effort.cycles} cycles, the controller killed in {effort.kills} of them")
        with _home_of_its_own(host.home) as home:
            done = _Churn(home, load_backend(name, home))
            await done.run(effort.cycles, effort.kills)
            left, clean_s = await done.wait_until_clean()
        for line in left:
            tell(f"{name}: left: {line}")
        yield Figure.of(f"churn_left_{name}", "things left", len(left), goal=NOTHING)
        yield Figure.of(f"churn_clean_{name}", "s after the last", clean_s)


class _Churn:
    """`marks` is what would be found in whatever is left."""

    def __init__(self, home: Path, backend: Backend) -> None:
        self._home = home
        self._backend = backend
        self._random = Random(_SEED)
        self.marks: list[str] = [str(home)]

    async def run(self, cycles: int, kills: int) -> None:
        killed = set(self._random.sample(range(cycles), kills))
        lived_s = await self._controller_that_lives()
        for number in range(cycles):
            if number in killed:
                await self._controller_that_dies(lived_s)
            else:
                await self._cycle()

    async def wait_until_clean(self) -> tuple[list[str], float]:
        """What was left at the end of the wait, and how long that was."""
        began, pace = time.perf_counter(), Pace()
        while left := await self._left():
            if time.perf_counter() - began > _CLEAN_S:
                break
            await pace.wait()
        return left, time.perf_counter() - began

    async def _left(self) -> list[str]:
        """What there is now, also of desktops that we hear of only now."""
        there = [record.id for record in await self._backend.desktops()]
        there += [path.name for path in self._home.glob("run/*/d-*")]
        self.marks += {*there} - {*self.marks}
        return await traces(self._backend, self._home, self.marks)

    async def _cycle(self) -> None:
        async with Host(self._home) as host:
            self.marks.append(await live_once(host, self._backend.name))

    async def _controller_that_lives(self) -> float:
        """Seconds that one takes from its start to its end. Raises CalledProcessError where it fails."""
        began = time.perf_counter()
        await anyio.run_process(self._command())
        return time.perf_counter() - began

    async def _controller_that_dies(self, lived_s: float) -> None:
        """Killed at some moment of its life, in the middle of whatever it does."""
        async with await anyio.open_process(self._command(), stdout=None, stderr=None) as process:
            self.marks.append(str(Owner.of(process.pid)))
            with anyio.move_on_after(self._random.uniform(0, lived_s)):
                await process.wait()
            if process.returncode is None:
                process.kill()
        await self._left()

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "runner.bench.cycle", str(self._home), self._backend.name]


@contextmanager
def _home_of_its_own(home: Path) -> Iterator[Path]:
    """So that what is left is told from what others do on this machine. Its images are those of `home`."""
    with TemporaryDirectory(prefix="churn-", dir=home) as folder:
        images_folder(Path(folder)).symlink_to(images_folder(home).resolve())
        yield Path(folder)
