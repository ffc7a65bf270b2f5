"""The dispatcher and its index, beside a model that looks at every task each time."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from runner.dispatch import Moves, dispatch, upcoming
from runner.frontier import ENDED, LOST, Frontier, TaskStatus
from runner.plan import Plan, PlannedTask

LOCKS = ("mailbox", "licence", "account")
OUTCOMES: tuple[TaskStatus, ...] = ("succeeded", "succeeded", "failed", "cancelled", "waiting", "asking")


def node(number: int, needs: tuple[int, ...] = (), locks: tuple[str, ...] = ()) -> PlannedTask:
    return PlannedTask(id=f"t{number}", hash="0" * 64, needs=tuple(f"t{need}" for need in needs), locks=locks)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    tasks = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=4)) if number else set()
        locks = draw(st.lists(st.sampled_from(LOCKS), max_size=2, unique=True))
        tasks.append(node(number, tuple(needs), tuple(locks)))
    return Plan(tasks=tuple(tasks), seats={"licence": draw(st.integers(1, 3))})


@dataclass
class Run:
    """A run that follows the dispatcher, and checks it against what scanning all tasks says."""

    plan: Plan
    parallel: int
    frontier: Frontier = field(init=False)
    starts: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    """How often each may start: once, and once more for each time it was sent back."""

    def __post_init__(self) -> None:
        self.frontier = Frontier.of(self.plan)
        self.allowed.update(self.frontier.status.keys())
        self.nodes = {node.id: node for node in self.plan.tasks}

    def dispatch(self) -> Moves:
        moves = dispatch(self.frontier, self.parallel)
        assert moves == dispatch(self.frontier, self.parallel), "not a pure function"
        for task, need in moves.blocked.items():
            assert need in self.nodes[task].needs
            assert self.frontier.status[need] in LOST or need in moves.blocked
            self.frontier.move(task, "blocked")
        for task in moves.start:
            self.frontier.move(task, "running")
            self.starts[task] += 1
        self.check()
        self.check_no_seat_stays_empty()
        return moves

    def tasks(self, *statuses: str) -> list[str]:
        return [task for task, status in self.frontier.status.items() if status in statuses]

    def send_back(self, task: str) -> None:
        self.allowed[task] += 1
        self.frontier.move(task, "waiting")

    def reopen(self, task: str) -> None:
        """As the owner of dead letters does: with all that was blocked behind it."""
        self.send_back(task)
        for node in self.plan.tasks:
            if self.frontier.status[node.id] == "blocked" and task in self.behind(node.id):
                self.frontier.move(node.id, "waiting")

    def behind(self, task: str) -> set[str]:
        return {above for need in self.nodes[task].needs for above in {need, *self.behind(need)}}

    def check(self) -> None:
        """The index says what a look at every task says, and every limit holds."""
        status, running = self.frontier.status, self.tasks("running")
        assert self.frontier.running == set(running)
        assert len(running) <= self.parallel
        assert self.frontier.open == sum(one not in ENDED for one in status.values())
        for node in self.plan.tasks:
            states = [status[need] for need in node.needs]
            assert self.frontier.missing[node.id] == sum(one != "succeeded" for one in states)
            lost = status[node.id] == "waiting" and any(one in LOST for one in states)
            assert (node.id in self.frontier.lost) == lost
        for lock in LOCKS:
            seats = self.plan.seats.get(lock, 1)
            assert sum(lock in self.nodes[task].locks for task in running) <= seats
            assert len(self.frontier.holders.get(lock, ())) <= seats
        for task, count in self.starts.items():
            assert count <= self.allowed[task], "started twice"

    def check_no_seat_stays_empty(self) -> None:
        """After a dispatch: who waits has a reason that can be named."""
        if len(self.frontier.running) == self.parallel:
            return
        held = Counter(lock for task in self.tasks("running") for lock in self.nodes[task].locks)
        for task in self.tasks("waiting"):
            if all(self.frontier.status[need] == "succeeded" for need in self.nodes[task].needs):
                assert any(held[lock] >= self.plan.seats.get(lock, 1) for lock in self.nodes[task].locks)


@given(plans(), st.integers(1, 5), st.data())
def test_whatever_happens_the_dispatcher_does_what_a_look_at_every_task_would(
    plan: Plan, parallel: int, data: st.DataObject
) -> None:
    run = Run(plan, parallel)
    for _ in range(60):
        for task in run.dispatch().start:
            assert all(run.frontier.status[need] == "succeeded" for need in run.nodes[task].needs)
        if not (moving := run.tasks("running", "asking")):
            break
        task = data.draw(st.sampled_from(moving))
        outcome = data.draw(st.sampled_from(OUTCOMES))
        run.allowed[task] += outcome == "waiting"
        run.frontier.move(task, outcome)
        if data.draw(st.integers(0, 9)) == 0 and (failed := run.tasks("failed")):
            run.reopen(data.draw(st.sampled_from(failed)))
        run.check()
    for task in run.tasks("running", "asking"):
        run.frontier.move(task, "succeeded")
    while not run.frontier.over:
        run.dispatch()
        for task in run.tasks("running"):
            run.frontier.move(task, "succeeded")
    assert all(run.frontier.status[task] in ENDED for task in run.nodes), "forgotten"
    for task in run.tasks("blocked"):
        assert any(run.frontier.status[need] in LOST for need in run.nodes[task].needs)
    for task in run.tasks("succeeded"):
        assert run.starts[task] >= 1


def test_a_task_to_be_retried_starts_again() -> None:
    run = Run(Plan(tasks=(node(0),)), 1)
    assert run.dispatch().start == ("t0",)
    assert run.dispatch().start == ()
    run.send_back("t0")
    assert run.dispatch().start == ("t0",)


def test_what_needs_a_lost_task_is_blocked_however_far_behind_it() -> None:
    run = Run(Plan(tasks=(node(0), node(1, (0,)), node(2, (1,)), node(3))), 4)
    run.dispatch()
    run.frontier.move("t0", "failed")
    assert run.dispatch() == Moves((), {"t1": "t0", "t2": "t1"})


def test_a_task_done_again_takes_the_start_from_those_behind_it() -> None:
    run = Run(Plan(tasks=(node(0), node(1, (0,), ("mailbox",)), node(2, (), ("mailbox",)))), 1)
    run.dispatch()
    run.frontier.move("t0", "succeeded")
    run.send_back("t0")
    assert "t1" not in dispatch(run.frontier, 3).start


def test_holders_of_a_lock_take_turns_in_the_order_of_the_plan() -> None:
    run = Run(Plan(tasks=tuple(node(number, (), ("mailbox",)) for number in range(3))), 3)
    order: list[str] = []
    while started := run.dispatch().start:
        order += started
        assert run.frontier.holders["mailbox"] == list(started)
        run.frontier.move(started[0], "succeeded")
    assert order == ["t0", "t1", "t2"]


def test_a_lock_passed_on_is_never_free_in_between() -> None:
    tasks = (node(0, (), ("mailbox",)), node(1, (0,), ("mailbox",)), node(2, (), ("mailbox",)))
    run = Run(Plan(tasks=tasks), 3)
    run.dispatch()
    assert run.frontier.waiting_for("mailbox") == ("t2",)
    run.frontier.pass_lock("mailbox", "t0", "t1")
    run.frontier.move("t0", "succeeded")
    assert run.frontier.holders["mailbox"] == ["t1"]
    assert run.dispatch().start == ("t1",)
    run.frontier.move("t1", "succeeded")
    assert run.dispatch().start == ("t2",)


def test_who_asks_a_person_holds_no_lock_and_no_desktop() -> None:
    run = Run(Plan(tasks=(node(0, (), ("mailbox",)), node(1, (), ("mailbox",)))), 1)
    run.dispatch()
    run.frontier.move("t0", "asking")
    assert run.dispatch().start == ("t1",)
    assert not run.frontier.over


def test_a_step_costs_the_same_with_twenty_thousand_tasks() -> None:
    """Independent tasks, and one that gathers all; a look at every task each time would cost 200 times."""

    def cost(count: int, steps: int = 100) -> float:
        gather = node(count, tuple(range(count)))
        frontier = Frontier.of(Plan(tasks=(*map(node, range(count)), gather)))
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            for task in frontier.ready(steps // 4):
                frontier.move(task, "running")
                dispatch(frontier, 4)
                frontier.move(task, "succeeded")
            best = min(best, time.process_time() - started)
        return best

    assert cost(20_000) < 20 * cost(100)


@given(plans(), st.integers(1, 5))
def test_what_comes_up_next_is_what_can_start_once_all_that_runs_has_succeeded(
    plan: Plan, parallel: int
) -> None:
    unlocked = tuple(node.model_copy(update={"locks": ()}) for node in plan.tasks)
    frontier = Frontier.of(Plan(tasks=unlocked))
    while starting := dispatch(frontier, parallel).start:
        for task in starting:
            frontier.move(task, "running")
        next_ones = upcoming(frontier, len(unlocked))
        assert upcoming(frontier, 1) == next_ones[:1]
        for task in starting:
            frontier.move(task, "succeeded")
        assert next_ones == frontier.ready(len(unlocked))
