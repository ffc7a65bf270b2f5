"""The desktops of one MCP session. Each is the one task of a run of its own, whose agent is the client.

A run's plan is made once, before anything starts, and which desktops a client will want is not known then:
hence a run for each. What ends the session, however it does, ends the runs, and with them the desktops.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import anyio
from anyio.abc import TaskGroup

from runner.agents.base import Done, View
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.client_run import MONITORS, ClientRun, begin_run, client_of
from runner.mcp.client import DesktopEnded
from runner.mcp.options import Options
from runner.spec import Budget, Retry, Swarm, Task
from sandboxes.errors import InputError
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

TASK = "desktop"


class Desktops:
    def __init__(self, host: Host, options: Options, store: ArtifactStore, runs: TaskGroup) -> None:
        self.options = options
        self.store = store
        self._host = host
        self._runs = runs
        self._starting = 0
        self._held: dict[str, ClientRun] = {}

    async def start(self, spec: DesktopSpec, purpose: str) -> tuple[ClientRun, View]:
        """A fresh desktop and what it shows. Cancelled or failed, it leaves none behind. Raises InputError
        where the session has as many as it may, and what starting one raises."""
        self._check_room()
        self._starting += 1
        try:
            swarm = _swarm(spec, purpose, self.options)
            held = await begin_run(self._host, self._runs, swarm, self._host.home, self.options.backend)
            view = await held.first_view()
            assert held.desktop is not None
            self._held[held.desktop.id] = held
            return held, view
        finally:
            self._starting -= 1

    def find(self, desktop_id: str) -> ClientRun:
        """One of this session's, ended or not. Raises InputError for any other."""
        if desktop_id not in self._held:
            raise InputError(f"desktop: {desktop_id[:60]!r} is not one of this session's{self._known()}")
        return self._held[desktop_id]

    @property
    def open(self) -> dict[str, ClientRun]:
        """Those that have not ended, by id."""
        return {id_: held for id_, held in self._held.items() if held.client.ended is None}

    async def end(self, held: ClientRun, note: str) -> None:
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
        agent=client_of("MCP client"),
        desktop=spec,
        monitors=MONITORS,
        budget=Budget(steps=options.steps, wall_s=options.wall_s),
        retry=Retry(infra=0),
    )
    return Swarm(name="mcp", description="A desktop for an MCP client.", tasks=(task,), parallel=1)
