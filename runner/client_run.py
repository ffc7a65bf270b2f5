"""A run of one task whose agent is a client of this process: each of its decisions is the client's call."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from runner.agents.base import View
from runner.compile import compile_swarm
from runner.controller import carry_on, new_run_id, prepare
from runner.events import RunStarted
from runner.journal import Journal
from runner.mcp.client import ClientAgent
from runner.monitors.spec import Claims, Monitors, Progress, Repeats
from runner.run_log import RunLog
from runner.spec import ProcessAgent, Swarm
from sandboxes.deadline import deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import DeskswarmError
from sandboxes.host import Host
from sandboxes.owner import Owner

START_TIMEOUT_S = 180.0  # with the wait for room on the machine

# A client is not stopped for what may be its way of working; that is journaled. Nor is it owed outputs.
MONITORS = Monitors(repeats=Repeats(then="warn"), progress=Progress(then="warn"), claims=Claims(then="off"))


def client_of(name: str) -> ProcessAgent:
    """As a plan says it: the client is a program that is there already, so none is started. A run taken up
    again after this process died has no client any more: there is no program of this name, and the task
    fails saying so."""
    return ProcessAgent(kind="process", command=(f"({name})",))


@dataclass(eq=False, slots=True)
class ClientRun:
    """`desktop` is there from the client's first turn on; `files` counts those that went in and out."""

    log: RunLog
    client: ClientAgent = field(default_factory=ClientAgent)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    over: anyio.Event = field(default_factory=anyio.Event)
    desktop: Desktop | None = None
    files: int = 0

    @property
    def run(self) -> str:
        return self.log.state.id

    async def first_view(self, timeout: float = START_TIMEOUT_S) -> View:
        """What its desktop shows once it is ready. Cancelled or failed, it leaves none behind. Raises
        DesktopEnded, DeadlineExceeded."""
        try:
            with deadline(f"start of a desktop (run {self.run})", timeout):
                async with self.client.turn() as view:
                    return view
        except BaseException:
            self.scope.cancel()
            raise

    async def cancel(self) -> None:
        """End it as it is, and wait until its desktop is gone; harmless where it has ended."""
        self.scope.cancel()
        await self.over.wait()


async def begin_run(host: Host, runs: TaskGroup, swarm: Swarm, folder: Path, backend: str) -> ClientRun:
    """A swarm of one task, in the journal and on its way in `runs`; the files that it names lie in `folder`.
    Raises what `run_swarm` raises before anything is started."""
    compiled = await to_thread.run_sync(compile_swarm, swarm, folder)
    await prepare(host, compiled.swarm, backend)
    started = RunStarted(
        swarm=compiled.swarm,
        plan=compiled.plan,
        backend=backend,
        controller=str(Owner.current()),
        folder=str(folder.resolve()),
    )
    with anyio.CancelScope(shield=True):  # a run that has begun has somebody who sees to its end
        journal = await to_thread.run_sync(Journal, host.home)
        try:
            run = ClientRun(await RunLog.start(journal, new_run_id(), started, None))
        except BaseException:
            journal.close()
            raise
        runs.start_soon(_carry_on, host, run, journal, folder)
    return run


async def _carry_on(host: Host, run: ClientRun, journal: Journal, folder: Path) -> None:
    def client(_attempt: object, desktop: Desktop, _folder: object) -> ClientAgent:
        run.desktop = desktop
        return run.client

    why = ""
    try:
        with closing(journal), run.scope:
            await carry_on(host, folder, run.log, agent_maker=client)
    except DeskswarmError as error:  # what the journal or the store refuse ends this run, not the others
        why = str(error)
    finally:
        run.client.end(why or _why(run))
        run.over.set()


def _why(run: ClientRun) -> str:
    """As the journal says it."""
    [task] = run.log.state.tasks.values()
    last = task.attempts[-1] if task.attempts else None
    if last is None or last.failure in (None, "cancelled"):
        return f"the desktop has ended (run {run.run})"
    return f"the desktop has ended ({last.failure}): {last.reason} (run {run.run})"
