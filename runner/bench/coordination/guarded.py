"""The plans with the safeguards: the runner, as anybody uses it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import to_thread

from runner.agents.base import Agent
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.bench.coordination.books import books_of
from runner.bench.coordination.clerk import Clerk
from runner.bench.coordination.faults import draw_fault, of_attempt
from runner.bench.coordination.plans import BenchPlan
from runner.compile import compile_swarm
from runner.controller import carry_on
from runner.events import HandoffSent, InputPlaced, RunStarted
from runner.journal import Journal
from runner.run_log import RunLog
from runner.state import RunState
from runner.tokens import count_tokens
from runner.worker import Attempt
from sandboxes.desktop import Desktop
from sandboxes.host import Host
from sandboxes.owner import Owner


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: whether its result is right, whether it says that it succeeded, how many tokens its
    agents handed on, and how many steps they took.

    `said` are the tokens without what agents were shown. `why` is the reason given for a failure.
    """

    right: bool
    says_succeeded: bool
    tokens: int
    said: int
    steps: int
    why: str = ""


async def run_guarded(host: Host, journal: Journal, plan: BenchPlan, folder: Path) -> Ended:
    """Run a plan; `folder` holds its files."""
    compiled = await to_thread.run_sync(compile_swarm, plan.swarm, folder)
    started = RunStarted(
        swarm=compiled.swarm,
        plan=compiled.plan,
        backend="simulated",
        controller=str(Owner.current()),
        folder=str(folder),
    )
    log = await RunLog.start(journal, f"r-{plan.number}", started, None)
    await carry_on(host, folder, log, agent_maker=partial(_make_clerk, plan))
    return await to_thread.run_sync(_ended, host.home, journal, plan, log.state)


def _make_clerk(plan: BenchPlan, attempt: Attempt, _desktop: Desktop, _folder: Path) -> Agent:
    random = of_attempt(plan.number, attempt.task.id, attempt.number, plan.seed)
    return Clerk(attempt.task, draw_fault(random), random)


def _ended(home: Path, journal: Journal, plan: BenchPlan, state: RunState) -> Ended:
    with closing(ArtifactStore(home / ARTIFACTS)) as store:
        result = _result(store, plan, state)
        tokens = _handed_on(store, journal, state)
    succeeded = state.status == "succeeded"
    failed = [task for task in state.tasks.values() if task.status == "failed"]
    return Ended(
        right=succeeded and books_of(result) == plan.truth,
        says_succeeded=succeeded,
        tokens=tokens,
        said=tokens,
        steps=sum(attempt.steps for task in state.tasks.values() for attempt in task.attempts),
        why="; ".join(f"{task.id}: {task.reason}" for task in failed),
    )


def _result(store: ArtifactStore, plan: BenchPlan, state: RunState) -> bytes | None:
    try:
        return store.get(state.output(plan.final, "work").sha256)
    except LookupError:
        return None


def _handed_on(store: ArtifactStore, journal: Journal, state: RunState) -> int:
    """Every brief, and every file of another agent's, each time an attempt was given it."""
    tokens = 0
    planned = {task.id: task for task in state.plan.tasks}
    for record in journal.read(state.id):
        event = record.event
        if isinstance(event, HandoffSent):
            tokens += event.tokens * len(state.tasks[event.to].attempts)
        elif isinstance(event, InputPlaced) and event.file.name in planned[event.task].artifacts:
            tokens += count_tokens(store.get(event.file.sha256).decode())
    return tokens
