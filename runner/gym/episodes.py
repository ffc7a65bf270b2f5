"""Episodes, one after the other: each is a run of one task on a fresh desktop, its agent the trainer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from runner.agents.base import Decision, Look, View
from runner.client_run import MONITORS, ClientRun, begin_run, client_of
from runner.mcp.client import DesktopEnded
from runner.spec import Retry, Swarm, Task
from runner.suites.outcomes import Cause, Outcome, judge_attempt
from sandboxes.admission import HostLimits
from sandboxes.backend import load_backend
from sandboxes.errors import DesktopStartError
from sandboxes.host import Host

REST_S = 30.0
"""By then a desktop has come to rest, or what it shows moves by itself."""

_QUIET_S = 0.5


@dataclass(frozen=True, slots=True)
class Ended:
    """How an episode ended: with a score, or why without one."""

    outcome: Outcome
    cause: Cause
    reason: str


class Episodes:
    def __init__(self, host: Host, runs: TaskGroup, folder: Path, backend: str) -> None:
        """`folder` is where the files are that tasks name."""
        self._host = host
        self._runs = runs
        self._folder = folder
        self._backend = backend
        self._run: ClientRun | None = None

    @property
    def run(self) -> str:
        """The id of the present run, or of the last."""
        return self._run.run if self._run else ""

    async def begin(self, task: Task, steps: int) -> View:
        """A fresh desktop at rest; the one before is gone. Raises InputError and InfraError."""
        await self.end()
        self._run = await begin_run(self._host, self._runs, _swarm(task, steps), self._folder, self._backend)
        try:
            await self._run.first_view()
            assert self._run.desktop is not None
            await self._run.desktop.settle(_QUIET_S, REST_S)
            view = await self.say(Look())
        except DesktopEnded as error:
            raise DesktopStartError(str(error)) from error
        if isinstance(view, Ended):
            raise DesktopStartError(view.reason)
        return view

    async def say(self, decision: Decision) -> View | Ended:
        """What is shown once it is carried out."""
        run = self._run
        assert run is not None
        try:
            async with run.client.turn():
                return await run.client.say(decision)
        except DesktopEnded as error:
            await run.over.wait()
            return _ended(run, str(error))

    async def end(self) -> None:
        """Leave no desktop behind."""
        if self._run is not None:
            await self._run.cancel()


@asynccontextmanager
async def open_episodes(home: Path, folder: Path, backend: str) -> AsyncIterator[Episodes]:
    """Raises BackendUnavailable. Leaving the block ends what goes on."""
    await load_backend(backend, home).check()
    async with Host(home, HostLimits.from_environment()) as host, anyio.create_task_group() as runs:
        episodes = Episodes(host, runs, folder, backend)
        try:
            yield episodes
        finally:
            runs.cancel_scope.cancel()


def _swarm(task: Task, steps: int) -> Swarm:
    """Only what a fresh desktop may change is tried again, which is the trainer's to do."""
    changes = {
        "agent": client_of("Gymnasium"),
        "budget": task.budget.model_copy(update={"steps": steps}),
        "monitors": task.monitors.model_copy(
            update={name: getattr(MONITORS, name) for name in MONITORS.model_fields_set}
        ),
        "retry": Retry(infra=0),
    }
    return Swarm(name="gym", description="An episode.", tasks=(task.model_copy(update=changes),), parallel=1)


def _ended(run: ClientRun, why: str) -> Ended:
    [task] = run.log.state.tasks.values()
    if not task.attempts:
        return Ended("not_scored", "not_run", why)
    last = task.attempts[-1]
    outcome, cause = judge_attempt(last)
    return Ended(outcome, cause, last.reason)
