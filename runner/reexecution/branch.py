"""A branch: a run of one task that goes on from a step of a recorded one, with the same agent or another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from runner.adoption import Adopted
from runner.agents.base import Act
from runner.compile import compile_swarm
from runner.controller import OnEvent, carry_on, new_run_id
from runner.events import Branched, RunStarted
from runner.journal import Journal
from runner.progress import Progress
from runner.redaction.secrets import NO_SECRETS, Secrets
from runner.reexecution.again import make_report, redaction_of
from runner.reexecution.player import Player, Tell
from runner.reexecution.record import Record
from runner.reexecution.report import Report
from runner.reexecution.start import Started, start_near
from runner.reexecution.waiting import Patience
from runner.rules import Policy
from runner.run_log import RunLog
from runner.spec import AgentSpec, Input, Retry, ScriptAgent, Swarm, Task
from runner.state import RunState
from runner.summary import RunSummary
from sandboxes.errors import DeskswarmError, InputError
from sandboxes.host import Host
from sandboxes.owner import Owner


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to go on, and how. `step` is the place in the record, from 0, before which it goes on; `agent`
    is None for the one that did it; `brief` is added to its instruction; `secrets` are those it may type."""

    state: RunState
    record: Record
    step: int
    backend: str
    agent: AgentSpec | None = None
    brief: str = ""
    secrets: Secrets = NO_SECRETS


class NotReached(DeskswarmError):
    """The state of the step could not be reached; `report` says why."""

    def __init__(self, report: Report) -> None:
        super().__init__("the screens part before the step")
        self.report = report


async def branch(
    host: Host,
    wanted: Wanted,
    tell: Tell,
    out: Path,
    on_event: OnEvent | None = None,
    patience: Patience | None = None,
) -> RunSummary:
    """Put a desktop into the state of the step, and let the agent go on there, as a run of its own.

    The run that it comes from stays as it is. Raises NotReached, InputError and InfraError before anything is
    journaled.
    """
    if wanted.state.imported:  # its agent, checks and judges may be programs, and would run on this machine
        raise InputError(f"run: {wanted.state.id} was imported; only a run of this machine can be branched")
    folder = Path(wanted.state.folder)
    compiled = await to_thread.run_sync(compile_swarm, swarm_of(wanted), folder)
    started = await start_near(host, wanted.record, wanted.backend, wanted.step)
    async with started.desktop:  # ends it, unless the run has it by then
        await _reach(wanted, started, tell, out, patience or Patience())
        with await to_thread.run_sync(Journal, host.home) as journal:
            event = RunStarted(
                swarm=compiled.swarm,
                plan=compiled.plan,
                backend=wanted.backend,
                controller=str(Owner.current()),
                folder=wanted.state.folder,
                branched=_origin(wanted, started),
            )
            log = await RunLog.start(journal, new_run_id(), event, on_event, wanted.secrets)
            adopted = {wanted.record.task.id: Adopted(started.desktop, Progress(before=started.before))}
            return await carry_on(host, folder, log, adopted=adopted)


async def _reach(wanted: Wanted, started: Started, tell: Tell, out: Path, patience: Patience) -> None:
    """Raises NotReached."""
    redaction = redaction_of(wanted.record, wanted.secrets)
    player = Player(started.desktop, wanted.record, tell, patience, redaction)
    parted = await player.play(started.step, wanted.step)
    if parted is not None:
        report = await make_report(wanted.record, wanted.backend, player, parted, out, [])
        raise NotReached(report)


def _origin(wanted: Wanted, started: Started) -> Branched:
    record = wanted.record
    return Branched(
        run=record.run,
        task=record.task.id,
        attempt=record.attempt,
        step=wanted.step - record.before,
        snapshot=started.snapshot,
    )


# --- what is run ------------------------------------------------------------------------------------


def swarm_of(wanted: Wanted) -> Swarm:
    """The task alone, with its inputs from the store. It has one attempt: of others, on fresh desktops, the
    agent could not go on. Raises InputError where the agent has nothing left to do."""
    return Swarm(
        name=wanted.state.swarm.name,
        description=wanted.state.swarm.description,
        agents=wanted.state.swarm.agents,
        tasks=(_task_of(wanted),),
        escalate=wanted.state.swarm.escalate,
        policy=Policy(max_attempts=1),
        secrets=wanted.state.swarm.secrets,
    )


def _task_of(wanted: Wanted) -> Task:
    task = wanted.record.task
    inputs = {
        name: Input(stored=kept.sha256, to=task.inputs[name].to)
        for name, kept in wanted.record.inputs.items()
    }
    instruction = f"{task.instruction}\n\n{wanted.brief}" if wanted.brief else task.instruction
    alone = {"after": (), "each": None, "reports_to": None, "lead": None, "tier": None, "policy": None}
    changed = {
        "instruction": instruction,
        "agent": wanted.agent or _rest_of(wanted),
        "inputs": inputs,
        "handoffs": {},
        "locks": (),
        "retry": Retry(infra=0),
    }
    return task.model_copy(update=alone | changed)


def _rest_of(wanted: Wanted) -> AgentSpec:
    """The agent that did it. A script goes on with what it had not done by then."""
    own = wanted.record.agent
    if not isinstance(own, ScriptAgent):
        return own
    before = wanted.record.checkpoints[: wanted.step]
    done = sum(isinstance(checkpoint.decision, Act) for checkpoint in before)
    if done >= len(own.steps):
        raise InputError("step: the script has done all its steps by then; name another agent to go on")
    return own.model_copy(update={"steps": own.steps[done:]})
