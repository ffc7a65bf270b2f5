"""`scripts/bench coordination`: how runs end with the safeguards, and without."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from runner.bench.coordination.guarded import Ended, run_guarded
from runner.bench.coordination.plans import BenchPlan, make_plan
from runner.bench.coordination.wired import run_wired
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from runner.journal import Journal
from sandboxes.host import Host

PLANS = 500
SEED = 20261121
AT_ONCE = 6


async def coordination(plans: int, seed: int, tell: Tell) -> AsyncIterator[Figure]:
    """The figures of so many plans; `tell` is given what is going on."""
    with TemporaryDirectory(prefix="deskswarm-bench-", dir=in_memory()) as folder:
        guarded, wired = await run_plans(Path(folder), plans, seed, tell)
    for figure in _figures(guarded, wired):
        yield figure


async def run_plans(folder: Path, plans: int, seed: int, tell: Tell) -> tuple[list[Ended], list[Ended]]:
    """Each plan with the safeguards and without them: how the runs ended, in the plans' order."""
    guarded: dict[int, Ended] = {}
    wired: dict[int, Ended] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def one(host: Host, plan: BenchPlan) -> None:
        async with limiter:
            at = folder / str(plan.number)
            plan.write(at)
            with Journal(at / "journal") as journal:
                guarded[plan.number] = await run_guarded(host, journal, plan, at)
            wired[plan.number] = await run_wired(host, plan, at)
            if not guarded[plan.number].right:
                says = "succeeded" if guarded[plan.number].says_succeeded else "failed"
                tell(f"plan {plan.number} ended wrong ({says}): {guarded[plan.number].why[:200]}")
            if len(wired) % 50 == 0:
                tell(f"{len(wired)} of {plans} plans")

    async with Host(folder / "home") as host, anyio.create_task_group() as group:
        for number in range(plans):
            group.start_soon(one, host, make_plan(number, seed))
    order = range(plans)
    return [guarded[number] for number in order], [wired[number] for number in order]


def in_memory() -> Path | None:
    """A file system in memory, where there is one: what disks cost is no part of what is measured."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else None


def _figures(guarded: Sequence[Ended], wired: Sequence[Ended]) -> list[Figure]:
    def sums(of: Callable[[Ended], float]) -> tuple[float, float]:
        return sum(map(of, guarded)), sum(map(of, wired))

    ends = sums(lambda one: not one.right)
    silent = sums(lambda one: one.says_succeeded and not one.right)
    return [
        Figure.of("wrong_ends", "runs", *ends, Goal(times=10)),
        Figure.of("wrong_ends_called_succeeded", "runs", *silent, Goal(at_most=0)),
        Figure.of("tokens_handed_on", "tokens", *sums(lambda one: one.tokens), Goal(times=5)),
        Figure.of("tokens_handed_on_without_screens", "tokens", *sums(lambda one: one.said)),
        Figure.of("steps", "steps", *sums(lambda one: one.steps)),
    ]
