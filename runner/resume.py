"""Taking a run up again whose controller died: what was finished stays, what was under way is done anew, or
goes on where its desktop has outlived the controller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anyio import to_thread

from runner.adoption import CAUSE, adopt_desktops
from runner.agents import check_agents
from runner.controller import OnEvent, carry_on, prepare, secrets_of
from runner.events import AttemptEnded, Event, Ruling, RunResumed
from runner.graph import by_id
from runner.journal import AlreadyHappened, Journal
from runner.restoring import can_go_back
from runner.run_log import RunLog
from runner.state import AttemptState, RunState, fold_decisions
from runner.summary import RunSummary
from sandboxes.errors import InputError
from sandboxes.host import Host
from sandboxes.owner import Owner

__all__ = ["CAUSE", "RunTaken", "check_resumable", "resume_run", "take_up"]


class RunTaken(InputError):
    """A run has a controller already, or needs none any more."""


async def resume_run(
    run: str, home: Path, *, parallel: int | None = None, on_event: OnEvent | None = None
) -> RunSummary:
    """Carry a run on whose controller died, to its end; otherwise as `runner.controller.run_swarm`.

    Raises RunTaken for a run that has ended, or that another process carries out.
    """
    with await to_thread.run_sync(Journal, home) as journal:
        state = await to_thread.run_sync(fold_decisions, journal, run)
        check_resumable(state)
        folder = Path(state.folder)
        secrets = await to_thread.run_sync(secrets_of, state.swarm, folder)
        async with Host(home) as host:
            await to_thread.run_sync(check_agents, state.swarm)
            await prepare(host, state.swarm, state.backend)
            log = RunLog(journal, state, on_event, secrets)
            await take_up(log)
            adopted = await adopt_desktops(host, log, journal)
            return await carry_on(host, folder, log, parallel, adopted=adopted)


def check_resumable(state: RunState) -> None:
    """Raises RunTaken for a run that has ended, whose controller lives, or that happened elsewhere."""
    if state.imported:
        raise RunTaken(f"run: {state.id} was imported; what it needs to go on is where it began")
    if state.status != "running":
        raise RunTaken(f"run: {state.id} has ended ({state.status}); there is nothing to resume")
    if state.branched is not None:
        raise RunTaken(
            f"run: {state.id} is a branch, whose desktop is gone with its controller; branch again"
        )
    controller = Owner.parse(state.controller)
    if controller.is_alive():
        raise RunTaken(f"run: {state.id} is being carried out by process {controller.pid}")


async def take_up(log: RunLog) -> None:
    """Make this process the run's controller, and end the attempts of the last one.

    Of two that try at once one succeeds. Raises RunTaken.
    """
    state = log.state
    check_resumable(state)
    resumed = RunResumed(number=state.resumed + 1, controller=str(Owner.current()))
    try:
        await log.write(resumed, *_ends_of_open_attempts(state))
    except AlreadyHappened:
        raise RunTaken(f"run: {state.id} was taken up by another process just now") from None


def _ends_of_open_attempts(state: RunState) -> Iterator[Event]:
    resumed = "the run was resumed"
    if state.swarm.outlive_s:
        resumed += "; where its desktop is still there, it goes on with that"
    for task in state.tasks.values():
        if task.status != "running":
            continue
        attempt = task.attempts[-1]
        if attempt.status == "running":
            ended = AttemptEnded(
                task=task.id,
                attempt=attempt.number,
                status="cancelled",
                failure="cancelled",
                cause=CAUSE,
                reason=_reason(attempt),
            )
            yield state.with_sums(ended)
        yield Ruling(
            task=task.id,
            attempt=attempt.number,
            answer="retry_checkpoint" if _goes_back(state, attempt, task.id) else "retry_fresh",
            agent=attempt.agent,
            reason=resumed,
            by="resume",
        )


def _goes_back(state: RunState, attempt: AttemptState, task: str) -> bool:
    """A desktop that outlived the controller is further on than one that was saved."""
    return not state.swarm.outlive_s and can_go_back(state.swarm, by_id(state.swarm)[task], attempt)


def _reason(attempt: AttemptState) -> str:
    died = "the controller died"
    if attempt.intended is None:
        return died
    return f"{died}; {attempt.intended.words} may have been carried out"
