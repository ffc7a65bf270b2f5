"""The coordination benchmark: its plans, its faults, and that its two arms are what they say they are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from runner.bench.coordination.bench import run_plans
from runner.bench.coordination.books import KINDS, Row, Work, books, books_of
from runner.bench.coordination.faults import OF_ATTEMPTS, SHARES, Fault, draw_fault, of_attempt
from runner.bench.coordination.guarded import run_guarded
from runner.bench.coordination.plans import make_plan
from runner.bench.coordination.slips import spoil
from runner.bench.coordination.wired import run_wired
from runner.compile import compile_swarm
from runner.journal import Journal
from sandboxes.host import Host

pytestmark = pytest.mark.anyio
ROWS = tuple(Row(id=f"r{n}", what=what, amount=10 + n, kind=KINDS[what]) for n, what in enumerate(KINDS))
WORK = Work(period="2026-03", ref="t: 8 rows", rows=ROWS, total=sum(row.amount for row in ROWS))


def test_the_same_seed_makes_the_same_plans_of_all_patterns() -> None:
    plans = [make_plan(number, seed=1) for number in range(6)]
    assert [plan.swarm.pattern for plan in plans] == ["pipeline", "swarm", "hierarchy"] * 2
    assert plans == [make_plan(number, seed=1) for number in range(6)]
    assert plans[0] != make_plan(0, seed=2)


def test_every_plan_compiles(tmp_path: Path) -> None:
    for number in range(12):
        plan = make_plan(number, seed=3)
        plan.write(tmp_path / str(number))
        compiled = compile_swarm(plan.swarm, tmp_path / str(number))
        assert plan.final in {task.id for task in compiled.swarm.tasks}


def test_faults_come_in_the_proportions_of_the_study() -> None:
    drawn = Counter(draw_fault(Random(number)) for number in range(40_000))
    struck = 40_000 - drawn[None]
    assert struck / 40_000 == pytest.approx(OF_ATTEMPTS, rel=0.1)
    for fault, share in SHARES.items():
        assert drawn[fault] / struck == pytest.approx(share / sum(SHARES.values()), rel=0.4, abs=0.005)


SPOILING: list[Fault] = [
    "disobeys_task",
    "withholds",
    "ends_early",
    "repeats_steps",
    "does_not_ask",
    "does_another_thing",
    "does_not_verify",
    "verifies_wrongly",
]


@pytest.mark.parametrize("fault", SPOILING)
def test_spoilt_work_is_wrong(fault: Fault) -> None:
    """But for a guess that happens to be owned up to, which is wrong as well."""
    truth = books("2026-03", ROWS)
    assert books_of(spoil(WORK, {"r0"}, None, Random(0)).encode()) == truth
    for seed in range(20):
        spoilt = spoil(WORK, {"r0"}, fault, Random(seed))
        assert books_of(spoilt.encode()) != truth


def unstruck(number: int) -> int:
    """A seed with which no agent of the plan has a fault in its first attempts."""
    tasks = [f"stage{index}" for index in range(6)]
    return next(
        seed
        for seed in range(10_000)
        if all(draw_fault(of_attempt(number, task, 1, seed)) is None for task in tasks)
    )


async def test_without_a_fault_both_arms_end_right(tmp_path: Path) -> None:
    plan = make_plan(0, unstruck(0))
    plan.write(tmp_path / "plan")
    async with Host(tmp_path / "home") as host:
        with Journal(tmp_path / "journal") as journal:
            guarded = await run_guarded(host, journal, plan, tmp_path / "plan")
        wired = await run_wired(host, plan, tmp_path / "plan")
    assert (guarded.right, guarded.says_succeeded) == (True, True), guarded.why
    assert (wired.right, wired.says_succeeded) == (True, True)
    assert 0 < guarded.tokens < wired.said < wired.tokens


async def test_faults_spoil_what_nobody_guards(tmp_path: Path) -> None:
    guarded, wired = await run_plans(tmp_path, 6, 2, lambda _: None)
    wrong = [[number for number, one in enumerate(arm) if not one.right] for arm in (guarded, wired)]
    assert len(wrong[0]) < len(wrong[1]), wrong
    assert not any(one.says_succeeded and not one.right for one in guarded)
