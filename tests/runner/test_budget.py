"""Budgets: what each scope has left, what stops, and what is warned of before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.agents.base import Usage
from runner.budget import Ledger, Purse
from runner.events import AttemptStarted, CheckpointTaken, RunResumed, VerdictGiven, Warned
from runner.spec import Budget, Swarm
from tests.runner.laboratory import swarm, task

SHA = "0" * 64


def spent(ledger: Ledger, name: str, step: int, tokens: int = 0, money: float = 0, executed: int = 1) -> None:
    usage = Usage(tokens=tokens, money=money)
    event = CheckpointTaken(
        task=name, attempt=1, step=step, sha256=SHA, screenshot=SHA, say="act", executed=executed, usage=usage
    )
    ledger.apply(event, 0)


def two(**more: Any) -> Swarm:
    """Two tasks of one tier, and a third of none."""
    return swarm(
        task("a", tier="cheap", total={"tokens": 50}),
        task("b", tier="cheap"),
        task("c"),
        tiers={"cheap": {"tokens": 100}},
        budget={"tokens": 200, "steps": 10, "money": 1},
        **more,
    )


def causes(purse: Purse) -> list[str]:
    return [one.cause for one in purse.new_warnings()]


def test_each_scope_stops_those_who_share_it_and_no_others() -> None:
    plan = two()
    a, b, c = plan.tasks
    ledger = Ledger.open(plan, 0)
    spent(ledger, "a", 0, tokens=50)
    over = ledger.purse(a).overdrawn()
    assert over is not None
    assert (over.cause, str(over)) == ("task_tokens", "50 of 50 tokens used of the task a")
    assert ledger.purse(b).overdrawn() is None
    spent(ledger, "b", 0, tokens=50)
    assert [ledger.purse(one).overdrawn() is None for one in (b, c)] == [False, True]
    spent(ledger, "c", 0, tokens=100)
    assert str(ledger.purse(c).overdrawn()) == "200 of 200 tokens used of the run"


def test_judges_are_paid_from_the_shared_budgets_too() -> None:
    plan = two()
    ledger = Ledger.open(plan, 0)
    opinion = VerdictGiven(task="a", attempt=1, judge="j", passed=True, findings=(), usage=Usage(tokens=50))
    ledger.apply(opinion, 0)
    assert ledger.purse(plan.tasks[0]).overdrawn() is not None


def test_steps_are_counted_where_something_was_done() -> None:
    plan = two()
    ledger = Ledger.open(plan, 0)
    for step in range(12):
        spent(ledger, "c", step, executed=step % 2)
    assert ledger.purse(plan.tasks[1]).step() is None
    for step in range(4):
        spent(ledger, "b", step)
    none_left = ledger.purse(plan.tasks[1]).step()
    assert none_left is not None
    assert none_left.cause == "run_steps"


def test_a_warning_comes_once_before_the_stop() -> None:
    plan = two()
    ledger = Ledger.open(plan, 0)
    spent(ledger, "a", 0, tokens=39)
    assert causes(ledger.purse(plan.tasks[0])) == []
    spent(ledger, "a", 1, tokens=1)
    assert causes(ledger.purse(plan.tasks[0])) == ["task_tokens"]
    assert causes(ledger.purse(plan.tasks[0])) == []


def test_a_warning_in_the_journal_is_not_given_again_by_another_controller() -> None:
    plan = two()
    ledger = Ledger.open(plan, 0)
    spent(ledger, "c", 0, money=0.9)
    ledger.apply(Warned(task="c", attempt=1, monitor="budget.run_money", step=1, message=""), 0)
    assert causes(ledger.purse(plan.tasks[1])) == []


def test_the_clock_of_a_scope_starts_with_its_first_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = swarm(task("a", tier="t", budget={"wall_s": 600}), tiers={"t": {"wall_s": 100}})
    ledger = Ledger.open(plan, 1000)
    ledger.apply(AttemptStarted(task="a", attempt=1), 1000)
    ledger.apply(AttemptStarted(task="a", attempt=2), 1050)
    monkeypatch.setattr("time.time", lambda: 1060)
    purse = ledger.purse(plan.tasks[0])
    wall = purse.wall()
    assert (wall.scope, wall.limit - wall.used) == ("tier", 40)
    assert purse.left().wall_s == 40
    monkeypatch.setattr("time.time", lambda: 1100)
    over = purse.overdrawn()
    assert over is not None
    assert str(over) == "100.0 of 100 s of wall time used of the tier t"


def test_no_time_is_used_while_no_controller_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = swarm(task("a"), budget={"wall_s": 100})
    ledger = Ledger.open(plan, 1000)
    ledger.apply(AttemptStarted(task="a", attempt=1), 1010)
    ledger.apply(RunResumed(number=1, controller="another"), 9000)
    monkeypatch.setattr("time.time", lambda: 9005)
    wall = ledger.purse(plan.tasks[0]).wall()
    assert (wall.scope, wall.used) == ("run", 15)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=40),
    st.integers(1, 300),
)
def test_no_scope_is_passed_by_more_than_the_last_decision(
    decisions: list[tuple[str, int]], run_limit: int
) -> None:
    plan = two().model_copy(update={"budget": two().budget.model_copy(update={"tokens": run_limit})})
    tasks = {one.id: one for one in plan.tasks}
    ledger = Ledger.open(plan, 0)
    used = dict.fromkeys("abc", 0)
    for step, (name, tokens) in enumerate(decisions):
        if ledger.purse(tasks[name]).overdrawn() is None:
            spent(ledger, name, step, tokens=tokens)
            used[name] += tokens
    assert used["a"] < 50 + 30
    assert used["a"] + used["b"] < 100 + 30
    assert sum(used.values()) < run_limit + 30
    left = ledger.purse(tasks["a"]).left().tokens
    assert left == max(0, min(50 - used["a"], 100 - used["a"] - used["b"], run_limit - sum(used.values())))


def test_an_attempts_own_steps() -> None:
    purse = Purse(Budget(steps=2))
    assert [purse.step() is None for _ in range(3)] == [True, True, False]
    assert purse.shared_overdrawn() is None, "another attempt has steps of its own"
