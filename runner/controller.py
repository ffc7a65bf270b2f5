"""The controller: runs a swarm to its end. It knows only what the journal says."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from anyio import to_thread

from runner.adoption import Adopted
from runner.agents import check_agents
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.compile import compile_swarm
from runner.conductor import Conductor
from runner.copies import check_modes
from runner.events import Event, RunStarted, TaskEnded
from runner.journal import Journal
from runner.redaction.secrets import Secrets, read_secrets
from runner.reuse import done_before
from runner.run_log import OnEvent, RunLog
from runner.spec import Swarm
from runner.summary import RunSummary, summarize
from runner.worker import AgentMaker, own_agent
from sandboxes.admission import HostLimits
from sandboxes.backend import load_backend
from sandboxes.backends import check_outlives
from sandboxes.errors import InputError
from sandboxes.host import DEFAULT_BACKEND, Host
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec

__all__ = ["OnEvent", "carry_on", "new_run_id", "prepare", "run_swarm"]


async def run_swarm(
    swarm: Swarm,
    folder: Path,
    home: Path,
    *,
    backend: str = DEFAULT_BACKEND,
    parallel: int | None = None,
    limits: HostLimits | None = None,
    reuse: bool = False,
    on_event: OnEvent | None = None,
) -> RunSummary:
    """Run a swarm; `folder` holds the files it names, `home` all state. Failed tasks are in the summary.

    `parallel` overrides the swarm's own; `limits` is what it may take of this machine, by default what the
    environment says; with `reuse`, tasks that an earlier run has done are not done again (runner.reuse);
    `on_event` sees each event once it is in the journal. Raises
    InputError and InfraError before anything is started or journaled. Cancelled, it journals so, ends
    its desktops, and lets the cancellation through.
    """
    compiled = await to_thread.run_sync(compile_swarm, swarm, folder, abandon_on_cancel=True)
    swarm, plan = compiled.swarm, compiled.plan
    if parallel is not None:  # the run's from now on, also where it is resumed
        swarm = swarm.model_copy(update={"parallel": parallel})
    chosen = load_backend(backend, home)
    secrets = await to_thread.run_sync(secrets_of, swarm, folder)
    await chosen.check()
    check_modes(swarm, backend, chosen.capabilities)
    check_outlives(chosen, swarm.outlive_s or 0)
    await to_thread.run_sync(check_agents, swarm)
    async with Host(home, limits) as host:
        await prepare(host, swarm, backend)
        with await to_thread.run_sync(Journal, home) as journal:
            started = RunStarted(
                swarm=swarm,
                plan=plan,
                backend=backend,
                controller=str(Owner.current()),
                folder=str(folder.resolve()),
            )
            log = await RunLog.start(journal, new_run_id(), started, on_event, secrets)
            if reuse:
                await _take_what_is_done(log, journal, home)
            return await carry_on(host, folder, log)


async def carry_on(
    host: Host,
    folder: Path,
    log: RunLog,
    parallel: int | None = None,
    agent_maker: AgentMaker = own_agent,
    adopted: Mapping[str, Adopted] = MappingProxyType({}),
) -> RunSummary:
    """Carry a run from what is known of it, whatever that is, to its end; with the desktops it `adopted`."""
    with closing(ArtifactStore(host.home / ARTIFACTS)) as store:
        at_once = parallel or log.state.swarm.parallel
        await Conductor(host, folder, store, log, at_once, agent_maker, adopted).run()
    return summarize(log.state)


def secrets_of(swarm: Swarm, folder: Path) -> Secrets:
    """The values its secrets have now. Raises InputError where one is missing, or stands in the swarm."""
    return read_secrets(swarm.secrets, folder, swarm.model_dump_json() if swarm.secrets else "")


async def _take_what_is_done(log: RunLog, journal: Journal, home: Path) -> None:
    with closing(ArtifactStore(home / ARTIFACTS)) as store:
        done = await to_thread.run_sync(done_before, journal, store, log.state)
    events: list[Event] = []
    for task in done:
        ended = TaskEnded(task=task.task, status="succeeded", reason=f"as in {task.run}")
        events += [task, ended]
    if events:
        await log.write(*events)


async def prepare(host: Host, swarm: Swarm, backend: str) -> None:
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
