"""`scripts/bench survival`: the controller killed at random moments, and the run taken up again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from anyio import to_thread

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from runner.bench.survival.controllers import begin, context, resume
from runner.bench.survival.findings import Findings, Results, examine, results
from runner.bench.survival.plan import swarm_for
from runner.journal import Journal, Record
from runner.state import fold
from sandboxes.errors import InfraError
from sandboxes.home import find_home
from sandboxes.reaper import reap
from sandboxes.simulation.settings import FILE_NAME, Delay, Simulation

KILLS = 200
SEED = 20261121
DEADLINE_S = 600.0
AGAIN = 0.3
"""So many of those that take a run up are killed too."""
_UNDISTURBED = 3


async def survival(backend: str, kills: int, seed: int, tell: Tell) -> AsyncIterator[Figure]:
    """The figures of so many kills; `tell` is given what is going on."""
    with TemporaryDirectory(prefix="ds-") as folder:
        study = _Study(_home(Path(folder), backend), backend, Random(seed))
        await to_thread.run_sync(study.see_undisturbed)
        tell(f"undisturbed, a run takes {study.takes_s:.2f} s")
        found: list[Findings] = []
        while study.kills < kills:
            found.append(await to_thread.run_sync(study.kill_one))
            for line in (*found[-1].different, *found[-1].unreported):
                tell(f"run {len(found)}: {line}")
            if len(found) % 20 == 0:
                tell(f"{study.kills} of {kills} kills")
        await reap(study.home)  # what else its controllers' reapers would remove while the folder is
    for figure in _figures(study, found):
        yield figure


def _figures(study: _Study, found: list[Findings]) -> Iterator[Figure]:
    yield Figure.of("kills", "kills", study.kills)
    yield Figure.of("runs", "runs", len(found))
    yield Figure.of("different_ends", "runs", sum(bool(one.different) for one in found), goal=Goal(at_most=0))
    unreported = sum(bool(one.unreported) for one in found)
    yield Figure.of("done_twice_unreported", "runs", unreported, goal=Goal(at_most=0))
    yield Figure.of("attempts_cut_short", "attempts", sum(one.cut_short for one in found))
    yield Figure.of("actions_in_doubt_reported", "actions", sum(one.in_doubt for one in found))
    if study.taken_up_s:
        yield Figure.of("resumed_to_its_end", "s", median(study.taken_up_s))


class _Study:
    """All runs of one home. Blocks."""

    def __init__(self, home: Path, backend: str, random: Random) -> None:
        self.home = home
        self._backend, self._random = backend, random
        self._forking = context()
        self._swarm = swarm_for(backend)
        self._expected: Results = {}
        self.takes_s = 0.0
        self.kills = 0
        self.taken_up_s: list[float] = []

    def see_undisturbed(self) -> None:
        """What a run comes to, and how long it takes, when nobody kills its controller."""
        took = []
        for _ in range(_UNDISTURBED):
            started = time.monotonic()
            with self._controller(self._begin()) as process:
                process.join(DEADLINE_S)
            took.append(time.monotonic() - started)
        self.takes_s = median(took)
        self._expected = results(fold(self._records(self._last_run())))

    def kill_one(self) -> Findings:
        """One run: its controller is killed at some moment, and maybe the next one too."""
        before = self._last_run()
        with self._controller(self._begin()) as process:
            self._kill_sometime(process)
        run = self._last_run()
        if run == before:  # killed before there was a run: nothing to take up, and nothing lost
            return Findings((), (), 0, 0)
        while fold(self._records(run)).status == "running":
            self._take_up(run)
        with closing(ArtifactStore(self.home / ARTIFACTS)) as store:
            return examine(self._records(run), store, self._expected)

    def _take_up(self, run: str) -> None:
        started = time.monotonic()
        with self._controller(resume(self._forking, self.home, run)) as process:
            if self._random.random() < AGAIN:
                self._kill_sometime(process)
                return
            process.join(DEADLINE_S)
            if process.exitcode != 0:
                raise InfraError(f"the controller that took up {run} ended with {process.exitcode}")
        self.taken_up_s.append(time.monotonic() - started)

    def _kill_sometime(self, process: ForkServerProcess) -> None:
        """At a moment of the run, each as likely as any other."""
        process.join(self._random.random() * self.takes_s)
        if process.is_alive():
            self.kills += 1
            process.kill()
            process.join(DEADLINE_S)

    def _begin(self) -> ForkServerProcess:
        return begin(self._forking, self.home, self._swarm, self._backend)

    @contextmanager
    def _controller(self, process: ForkServerProcess) -> Iterator[ForkServerProcess]:
        try:
            yield process
        finally:
            process.kill()
            process.join(DEADLINE_S)

    def _last_run(self) -> str:
        with Journal(self.home) as journal:
            return next(iter(journal.runs()), "")

    def _records(self, run: str) -> list[Record]:
        with Journal(self.home) as journal:
            return journal.read(run)


def _home(folder: Path, backend: str) -> Path:
    """A home of its own: on simulated desktops with latencies, so that there is time to die in; on real ones
    with the images that are built."""
    home = folder / "h"
    home.mkdir()
    if backend == "simulated":
        latency = {"*": Delay(median_s=0.004, sigma=0.5)}
        (home / FILE_NAME).write_text(Simulation(latency=latency).model_dump_json())
    else:
        (home / "images").symlink_to(find_home() / "images")
    return home
