"""Locks on things outside: one holder at a time, nobody for ever, and no circle goes unseen."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.events import DeadlockFound, LockGranted, LockReleased
from runner.frontier import Frontier
from runner.locks import deadlock
from runner.plan import Plan, PlannedTask
from sandboxes.simulation.settings import Delay, Fault
from tests.runner.laboratory import Laboratory, swarm, task
from tests.runner.test_handoffs import assert_one_owner, events

ACCOUNT: dict[str, Any] = {"account": {"description": "the bank's portal"}}
TWO: dict[str, Any] = {"one": {}, "two": {}}
MISSING = {"click": {"role": "push button", "name": "No such button", "timeout": 0.2}}
TRANSFER = {"mode": "transfer"}


def most_holders(lab: Laboratory, lock: str) -> int:
    """How many held it at once, by the journal."""
    holding, most = 0, 0
    for record in lab.records:
        match record.event:
            case LockGranted(lock=name) if name == lock:
                holding += 1
            case LockReleased(lock=name) if name == lock:
                holding -= 1
        most = max(most, holding)
    assert holding == 0, "never given back"
    return most


@pytest.mark.anyio
@pytest.mark.parametrize("seats", [1, 2])
async def test_holders_are_serialised_by_the_seats_there_are(lab: Laboratory, seats: int) -> None:
    lab.simulate(boot=Delay(median_s=0.02), latency={"act": Delay(median_s=0.02)})
    tasks = [task(f"t{number}", locks=["account"]) for number in range(6)]
    state = await lab.run_swarm(swarm(*tasks, locks={"account": {"holders": seats}}, parallel=6))
    assert state.status == "succeeded"
    assert most_holders(lab, "account") == seats
    assert state.coordination.locks == {}


@pytest.mark.anyio
async def test_a_lock_is_given_back_however_an_attempt_ends(lab: Laboratory) -> None:
    lab.simulate(Fault(what="die", labels={"task": "a", "attempt": "1"}))
    tasks = task("a", locks=["account"]), task("b", MISSING, locks=["account"]), task("c", locks=["account"])
    state = await lab.run_swarm(swarm(*tasks, locks=ACCOUNT, parallel=3))
    assert {name: one.status for name, one in state.tasks.items()} == {
        "a": "succeeded",
        "b": "failed",
        "c": "succeeded",
    }
    assert most_holders(lab, "account") == 1


@pytest.mark.anyio
async def test_a_lock_held_for_ever_is_taken_away(lab: Laboratory) -> None:
    waits = {"wait_for": {"role": "push button", "name": "Never", "timeout": 100}}
    tasks = task("a", waits, locks=["account"]), task("b", locks=["account"])
    with anyio.fail_after(60):
        state = await lab.run_swarm(swarm(*tasks, locks={"account": {"hold_s": 0.5}}))
    [attempt] = state.tasks["a"].attempts
    assert (attempt.failure, attempt.cause) == ("timeout", "lock")
    assert attempt.reason == "lock account was held for 0.5 s"
    assert state.tasks["b"].status == "succeeded"
    assert most_holders(lab, "account") == 1


@pytest.mark.anyio
async def test_a_lock_goes_along_with_the_desktop(lab: Laboratory) -> None:
    """Nobody else gets the account between the two."""
    chain = [
        task("a", locks=["account"]),
        task("b", after=["a"], handoffs={"a": TRANSFER}, locks=["account"]),
        task("z", locks=["account"]),
    ]
    state = await lab.run_swarm(swarm(*chain, locks=ACCOUNT, parallel=3))
    assert state.status == "succeeded"
    passed = [event.to for event in events(lab, LockReleased) if event.task == "a"]
    assert passed == ["b"]
    granted = [event.task for event in events(lab, LockGranted)]
    assert granted in (["a", "b", "z"], ["z", "a", "b"])


@pytest.mark.anyio
async def test_a_deadlock_is_seen_told_and_broken(lab: Laboratory) -> None:
    """Each chain brings one lock with its desktop, and its second task needs the other's too."""
    lab.simulate(boot=Delay(median_s=0.05))
    chains = [
        task("a1", locks=["one"]),
        task("b1", locks=["two"]),
        task("a2", after=["a1"], handoffs={"a1": TRANSFER}, locks=["one", "two"]),
        task("b2", after=["b1"], handoffs={"b1": TRANSFER}, locks=["one", "two"]),
    ]
    with anyio.fail_after(60):
        state = await lab.run_swarm(swarm(*chains, locks=TWO, parallel=4))
    [found] = events(lab, DeadlockFound)
    assert {(one.task, one.lock, one.holder) for one in found.cycle} == {
        ("a2", "two", "b2"),
        ("b2", "one", "a2"),
    }
    lost = state.tasks[found.task]
    assert lost.status == "failed"
    assert lost.reason.startswith("deadlock: ")
    other = "a2" if found.task == "b2" else "b2"
    assert state.tasks[other].status == "succeeded"
    assert_one_owner(lab)


@pytest.mark.anyio
async def test_a_lock_that_waits_for_a_task_that_waits_for_the_lock_is_a_deadlock(lab: Laboratory) -> None:
    chain = [
        task("a", locks=["account"]),
        task("c", after=["a"], locks=["account"]),
        task("b", after=["a", "c"], handoffs={"a": TRANSFER}, locks=["account"]),
    ]
    with anyio.fail_after(60):
        state = await lab.run_swarm(swarm(*chain, locks=ACCOUNT))
    assert events(lab, DeadlockFound)[0].task == "b"
    assert {name: one.status for name, one in state.tasks.items()} == {
        "a": "succeeded",
        "c": "succeeded",
        "b": "failed",
    }


# --- the detector alone ----------------------------------------------------------------------------


def a_frontier(locks: dict[str, tuple[str, ...]], held: dict[str, str]) -> Frontier:
    """Tasks by the locks they need; `held` by waiting tasks, to which the locks came with a desktop."""
    givers = {f"giver-{task_}": tuple(lock for lock, to in held.items() if to == task_) for task_ in locks}
    nodes = [PlannedTask(id=name, hash="0" * 64, needs=(), locks=owned) for name, owned in givers.items()]
    nodes += [
        PlannedTask(id=name, hash="0" * 64, needs=(f"giver-{name}",), locks=needed)
        for name, needed in locks.items()
    ]
    frontier = Frontier.of(Plan(tasks=tuple(nodes)))
    for giver in givers:
        frontier.move(giver, "running")
    for lock, holder in held.items():
        frontier.pass_lock(lock, f"giver-{holder}", holder)
    for giver in givers:
        frontier.move(giver, "succeeded")
    return frontier


@given(
    st.lists(st.sets(st.integers(0, 4), min_size=1, max_size=3), min_size=2, max_size=5),
    st.data(),
)
def test_a_deadlock_is_found_exactly_when_nothing_can_ever_go_on(
    needs: list[set[int]], data: st.DataObject
) -> None:
    locks = {f"t{index}": tuple(f"l{number}" for number in sorted(each)) for index, each in enumerate(needs)}
    wanted: dict[str, list[str]] = {}
    for name, each in locks.items():
        for lock in each:
            wanted.setdefault(lock, []).append(name)
    held = {
        lock: data.draw(st.sampled_from(names)) for lock, names in wanted.items() if data.draw(st.booleans())
    }
    frontier = a_frontier(locks, held)
    stuck = _stuck_by_trying(locks, held)
    circle = deadlock(frontier, sorted(set(held.values())))
    assert bool(circle) == bool(stuck & set(held.values()))
    for wait, after in zip(circle, circle[1:] + circle[:1], strict=True):
        assert wait.holder == after.task
        assert wait.task in stuck


def _stuck_by_trying(locks: dict[str, tuple[str, ...]], held: dict[str, str]) -> set[str]:
    """Let whoever can run do so and give its locks back, until none can."""
    left, taken = dict(locks), dict(held)
    while True:
        able = [name for name, each in left.items() if all(taken.get(lock, name) == name for lock in each)]
        if not able:
            return set(left)
        for name in able:
            del left[name]
            taken = {lock: holder for lock, holder in taken.items() if holder != name}
