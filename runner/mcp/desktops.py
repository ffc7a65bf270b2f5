"""The desktops of one MCP session. Each is the one task of a run of its own, whose agent is the client.

A run's plan is made once, before anything starts, and which desktops a client will want is not known then:
hence a run for each. What ends the session, however it does, ends the runs, and with them the desktops.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from runner.agents.base import Done, View
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.compile import compile_swarm
from runner.controller import carry_on, new_run_id, prepare
from runner.events import RunStarted
from runner.journal import Journal
from runner.mcp.client import ClientAgent, DesktopEnded
from runner.mcp.options import Options
from runner.monitors.spec import Claims, Monitors, Progress, Repeats
from runner.run_log import RunLog
from runner.spec import Budget, ProcessAgent, Retry, Swarm, Task
from sandboxes.deadline import deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import DeskswarmError, InputError
from sandboxes.host import Host
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec

TASK = "desktop"
START_TIMEOUT_S = 180.0  # with the wait for room on the machine

# The client is a program that is there already, so none is started. A run taken up again after this process
# died has no client any more: there is no program of this name, and the task fails saying so.
_CLIENT = ProcessAgent(kind="process", command=("(MCP client)",))

# A client is not stopped for what may be its way of working; that is journaled. Nor is it owed outputs.
_MONITORS = Monitors(repeats=Repeats(then="warn"), progress=Progress(then="warn"), claims=Claims(then="off"))


@dataclass(eq=False, slots=True)
class Held:
    """One desktop of the session. `desktop` is there from the client's first turn on; `files` counts those
    that went in and out."""

    log: RunLog
    client: ClientAgent = field(default_factory=ClientAgent)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    over: anyio.Event = field(default_factory=anyio.Event)
    desktop: Desktop | None = None
    files: int = 0

    @property
    def run(self) -> str:
        return self.log.state.id


class Desktops:
    def __init__(self, host: Host, options: Options, store: ArtifactStore, runs: TaskGroup) -> None:
        self.options = options
        self.store = store
        self._host = host
        self._runs = runs
        self._starting = 0
        self._held: dict[str, Held] = {}

    async def start(self, spec: DesktopSpec, purpose: str) -> tuple[Held, View]:
        """A fresh desktop and what it shows. Cancelled or failed, it leaves none behind. Raises InputError
        where the session has as many as it may, and what starting one raises."""
        self._check_room()
        self._starting += 1
        try:
            held = await self._begin(_swarm(spec, purpose, self.options))
            view = await self._first_view(held)
            assert held.desktop is not None
            self._held[held.desktop.id] = held
            return held, view
        finally:
            self._starting -= 1

    def find(self, desktop_id: str) -> Held:
        """One of this session's, ended or not. Raises InputError for any other."""
        if desktop_id not in self._held:
            raise InputError(f"desktop: {desktop_id[:60]!r} is not one of this session's{self._known()}")
        return self._held[desktop_id]

    @property
    def open(self) -> dict[str, Held]:
        """Those that have not ended, by id."""
        return {id_: held for id_, held in self._held.items() if held.client.ended is None}

    async def end(self, held: Held, note: str) -> None:
        """The client is done with a desktop; returns when it is gone. Raises DesktopEnded where it was."""
        async with held.client.turn():
            try:
                await held.client.say(Done(note=note))
            except DesktopEnded:
                await held.over.wait()

    def _check_room(self) -> None:
        most = self.options.desktops
        if len(self.open) + self._starting >= most:
            raise InputError(f"desktops: {most} of {most} are open{self._known()}; end one first")

    def _known(self) -> str:
        return f"; open: {', '.join(self.open)}" if self.open else "; none is open, `start` gives one"

    async def _begin(self, swarm: Swarm) -> Held:
        """The run, in the journal and on its way."""
        home, backend = self._host.home, self.options.backend
        compiled = await to_thread.run_sync(compile_swarm, swarm, home)
        await prepare(self._host, compiled.swarm, backend)
        started = RunStarted(
            swarm=compiled.swarm,
            plan=compiled.plan,
            backend=backend,
            controller=str(Owner.current()),
            folder=str(home.resolve()),
        )
        with anyio.CancelScope(shield=True):  # a run that has begun has somebody who sees to its end
            journal = await to_thread.run_sync(Journal, home)
            try:
                held = Held(await RunLog.start(journal, new_run_id(), started, None))
            except BaseException:
                journal.close()
                raise
            self._runs.start_soon(self._carry_on, held, journal)
        return held

    async def _carry_on(self, held: Held, journal: Journal) -> None:
        def client(_attempt: object, desktop: Desktop, _folder: object) -> ClientAgent:
            held.desktop = desktop
            return held.client

        why = ""
        try:
            with closing(journal), held.scope:
                await carry_on(self._host, self._host.home, held.log, agent_maker=client)
        except DeskswarmError as error:  # what the journal or the store refuse ends this run, not the others
            why = str(error)
        finally:
            held.client.end(why or _why(held))
            held.over.set()

    async def _first_view(self, held: Held) -> View:
        try:
            with deadline(f"start of a desktop (run {held.run})", START_TIMEOUT_S):
                async with held.client.turn() as view:
                    return view
        except BaseException:
            held.scope.cancel()
            raise


@asynccontextmanager
async def open_desktops(host: Host, options: Options) -> AsyncIterator[Desktops]:
    """Room for a session's desktops. Leaving the block ends them, and journals their runs as cancelled."""
    with closing(ArtifactStore(host.home / ARTIFACTS)) as store:
        async with anyio.create_task_group() as runs:
            yield Desktops(host, options, store, runs)
            runs.cancel_scope.cancel()


def _swarm(spec: DesktopSpec, purpose: str, options: Options) -> Swarm:
    task = Task(
        id=TASK,
        instruction=purpose,
        agent=_CLIENT,
        desktop=spec,
        monitors=_MONITORS,
        budget=Budget(steps=options.steps, wall_s=options.wall_s),
        retry=Retry(infra=0),
    )
    return Swarm(name="mcp", description="A desktop for an MCP client.", tasks=(task,), parallel=1)


def _why(held: Held) -> str:
    """As the journal says it."""
    attempts = held.log.state.tasks[TASK].attempts
    last = attempts[-1] if attempts else None
    if last is None or last.failure in (None, "cancelled"):
        return f"the desktop has ended (run {held.run})"
    return f"the desktop has ended ({last.failure}): {last.reason} (run {held.run})"
