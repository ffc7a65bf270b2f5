"""The controller: runs a swarm to its end. It knows only what the journal says."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Self

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.abc import TaskGroup

from runner.arbitrator import arbitrate
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.dispatch import dispatch
from runner.events import AttemptEnded, AttemptStarted, Event, RunEnded, RunStarted, TaskEnded
from runner.journal import Journal, Record
from runner.plan import PlannedTask, agent_of, make_plan
from runner.spec import Swarm
from runner.state import RunState
from runner.summary import RunSummary, summarize
from runner.warming import Warmer
from runner.worker import Attempt, Worker
from sandboxes.admission import HostLimits
from sandboxes.backend import load_backend
from sandboxes.errors import InputError
from sandboxes.host import DEFAULT_BACKEND, Host
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec

OnEvent = Callable[[Record], None]


async def run_swarm(
    swarm: Swarm,
    folder: Path,
    home: Path,
    *,
    backend: str = DEFAULT_BACKEND,
    parallel: int | None = None,
    limits: HostLimits | None = None,
    on_event: OnEvent | None = None,
) -> RunSummary:
    """Run a swarm; `folder` holds the files it names, `home` all state. Failed tasks are in the summary.

    `parallel` overrides the swarm's own; `limits` is what it may take of this machine, by default what the
    environment says; `on_event` sees each event once it is in the journal. Raises
    InputError and InfraError before anything is started or journaled. Cancelled, it journals so, ends
    its desktops, and lets the cancellation through.
    """
    plan = make_plan(swarm)
    chosen = load_backend(backend, home)
    await chosen.check()
    async with Host(home, limits) as host:
        await _prepare(host, swarm, backend)
        with await to_thread.run_sync(Journal, home) as journal:
            started = RunStarted(swarm=swarm, plan=plan, backend=backend, controller=str(Owner.current()))
            log = await RunLog.start(journal, new_run_id(), started, on_event)
            with closing(ArtifactStore(home / ARTIFACTS)) as store:
                warmer = Warmer(host, backend) if chosen.capabilities.real else None
                await _Controller(host, folder, store, log, parallel or swarm.parallel, warmer).run()
            return summarize(log.state)


async def _prepare(host: Host, swarm: Swarm, backend: str) -> None:
    """A swarm that asks for what the backend cannot give is refused before it costs anything."""
    seen: set[DesktopSpec] = set()
    for task in swarm.tasks:
        if task.desktop not in seen:
            seen.add(task.desktop)
            try:
                await host.prepare(task.desktop, backend=backend)
            except InputError as error:
                raise type(error)(f"task {task.id!r}: {error}") from error


def new_run_id() -> str:
    """Sorts by time: `r-20261121-083012-ab12`, in UTC."""
    return f"r-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


class RunLog:
    """The one way in which what is known of a run changes: into the journal, then the state, then told."""

    def __init__(self, journal: Journal, first: Record, on_event: OnEvent | None) -> None:
        self.state = RunState.start(first)
        self._journal = journal
        self._on_event = on_event
        # One at a time, so that events reach the state in the journal's order.
        self._turn = CapacityLimiter(1)

    @classmethod
    async def start(cls, journal: Journal, run: str, event: RunStarted, on_event: OnEvent | None) -> Self:
        [first] = await to_thread.run_sync(journal.append, run, event)
        log = cls(journal, first, on_event)
        log._tell(first)
        return log

    async def write(self, *events: Event) -> None:
        """All of the events or, where it raises, none."""
        async with self._turn:
            for record in await to_thread.run_sync(self._journal.append, self.state.id, *events):
                self.state.apply(record)
                self._tell(record)

    def _tell(self, record: Record) -> None:
        if self._on_event is not None:
            self._on_event(record)


class _Controller:
    def __init__(
        self,
        host: Host,
        folder: Path,
        store: ArtifactStore,
        log: RunLog,
        parallel: int,
        warmer: Warmer | None,
    ) -> None:
        self._host = host
        self._warmer = warmer
        self._folder = folder
        self._store = store
        self._log = log
        self._parallel = parallel
        self._planned = {planned.id: planned for planned in log.state.plan.tasks}
        self._tasks = {task.id: task for task in log.state.swarm.tasks}
        self._changed = anyio.Event()

    async def run(self) -> None:
        """Until no task can move any more. However it ends, the journal says so."""
        try:
            async with anyio.create_task_group() as attempts:
                await self._dispatch_until_over(attempts)
        except anyio.get_cancelled_exc_class():
            await self._end(RunEnded(status="cancelled"))
            raise
        except BaseExceptionGroup as group:
            # What fails inside an attempt is its outcome; this is the controller's own trouble.
            error = group.exceptions[0]
            await self._end(RunEnded(status="failed", reason=f"{type(error).__name__}: {error}"))
            raise error from None
        succeeded = all(task.status == "succeeded" for task in self._log.state.tasks.values())
        await self._end(RunEnded(status="succeeded" if succeeded else "failed"))

    async def _dispatch_until_over(self, attempts: TaskGroup) -> None:
        state = self._log.state
        while True:
            self._changed = anyio.Event()
            moves = dispatch(state.plan, state.tasks, self._parallel)
            for task_id, need in moves.blocked.items():
                reason = f"{need} was not done"
                await self._log.write(TaskEnded(task=task_id, status="blocked", reason=reason))
            for task_id in moves.start:
                number = len(state.tasks[task_id].attempts) + 1
                await self._log.write(AttemptStarted(task=task_id, attempt=number))
                attempts.start_soon(self._carry_out, self._planned[task_id], number)
            if self._warmer is not None:
                self._warmer.look_ahead(state, self._parallel)
            if not any(task.status in ("waiting", "running") for task in state.tasks.values()):
                return
            await self._changed.wait()

    async def _carry_out(self, planned: PlannedTask, number: int) -> None:
        try:
            ended = await self._worker(planned, number).run()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._log.write(
                    AttemptEnded(task=planned.id, attempt=number, status="cancelled", failure="cancelled")
                )
            raise
        await self._log.write(ended, *self._consequences(ended))
        self._changed.set()

    def _worker(self, planned: PlannedTask, number: int) -> Worker:
        state, task = self._log.state, self._tasks[planned.id]
        artifacts = {name: state.output(ref.task, ref.output) for name, ref in planned.artifacts.items()}
        attempt = Attempt(state.id, task, number, agent_of(state.swarm, task), artifacts)
        return Worker(self._host, state.backend, self._folder, self._store, self._log.write, attempt)

    def _consequences(self, ended: AttemptEnded) -> list[Event]:
        """What follows from an attempt's end, in the same transaction, so that no crash comes between."""
        if ended.failure is None:
            return [TaskEnded(task=ended.task, status="succeeded")]
        before = self._log.state.tasks[ended.task].attempts[:-1]
        earlier = [attempt.failure for attempt in before if attempt.failure is not None]
        ruling = arbitrate(ended, earlier, self._tasks[ended.task].retry)
        if ruling.answer == "retry":
            return [ruling]
        return [ruling, TaskEnded(task=ended.task, status="failed", reason=ended.reason)]

    async def _end(self, event: RunEnded) -> None:
        with anyio.CancelScope(shield=True):
            await self._log.write(event)
