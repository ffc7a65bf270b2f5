"""The dispatcher, with random graphs, failures and limits: the properties that must hold of every run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.dispatch import dispatch, upcoming
from runner.plan import Plan, PlannedTask
from runner.state import TaskState


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 12))
    return Plan(
        tasks=tuple(
            PlannedTask(
                id=f"t{number}",
                hash="0" * 64,
                needs=tuple(f"t{need}" for need in draw(st.sets(st.integers(0, number - 1), max_size=4)))
                if number
                else (),
            )
            for number in range(count)
        )
    )


@given(plans(), st.integers(1, 5), st.randoms(use_true_random=False), st.floats(0, 1))
def test_every_run_ends_with_every_task_accounted_for(
    plan: Plan, parallel: int, random: object, odds: float
) -> None:
    from random import Random

    assert isinstance(random, Random)
    tasks = {node.id: TaskState(node.id) for node in plan.tasks}
    needs = {node.id: node.needs for node in plan.tasks}
    started: list[str] = []
    while True:
        moves = dispatch(plan, tasks, parallel)
        assert moves == dispatch(plan, tasks, parallel), "not a pure function"
        for task_id, need in moves.blocked.items():
            assert need in needs[task_id]
            tasks[task_id].status = "blocked"
        for task_id in moves.start:
            assert all(tasks[need].status == "succeeded" for need in needs[task_id]), (
                "before its inputs passed"
            )
            tasks[task_id].status = "running"
            started.append(task_id)
        running = [task_id for task_id, task in tasks.items() if task.status == "running"]
        assert len(running) <= parallel
        if not running:
            break
        tasks[random.choice(running)].status = "failed" if random.random() < odds else "succeeded"
    assert len(started) == len(set(started)), "started twice"
    assert {task.status for task in tasks.values()} <= {"succeeded", "failed", "blocked"}, "forgotten"
    for task_id, task in tasks.items():
        lost = any(tasks[need].status != "succeeded" for need in needs[task_id])
        assert (task.status == "blocked") == lost


@given(plans(), st.integers(1, 5))
def test_no_slot_stays_empty_that_could_be_used(plan: Plan, parallel: int) -> None:
    tasks = {node.id: TaskState(node.id) for node in plan.tasks}
    ready = sum(not node.needs for node in plan.tasks)
    assert len(dispatch(plan, tasks, parallel).start) == min(ready, parallel)


def test_a_task_to_be_retried_starts_again() -> None:
    plan = Plan(tasks=(PlannedTask(id="a", hash="0" * 64, needs=()),))
    assert dispatch(plan, {"a": TaskState("a", status="waiting")}, 1).start == ("a",)
    assert dispatch(plan, {"a": TaskState("a", status="running")}, 1).start == ()


@given(plans(), st.integers(1, 5))
def test_what_comes_up_next_is_what_can_start_once_all_that_runs_has_succeeded(
    plan: Plan, parallel: int
) -> None:
    tasks = {node.id: TaskState(node.id) for node in plan.tasks}
    while starting := dispatch(plan, tasks, parallel).start:
        for task_id in starting:
            tasks[task_id].status = "running"
        next_ones = upcoming(plan, tasks)
        for task_id in starting:
            tasks[task_id].status = "succeeded"
        assert next_ones == dispatch(plan, tasks, len(tasks)).start
