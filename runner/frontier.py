"""The edge of what is done: which tasks may start now, kept up to date as each one moves.

What a move costs depends on the tasks next to it, not on how many there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from runner.plan import Plan, PlannedTask

TaskStatus = Literal["waiting", "running", "asking", "succeeded", "failed", "blocked", "cancelled"]
"""`asking`: a person has been asked what is to become of it; it takes up no desktop and no lock."""

ENDED: frozenset[TaskStatus] = frozenset({"succeeded", "failed", "blocked", "cancelled"})
LOST: frozenset[TaskStatus] = ENDED - {"succeeded"}


@dataclass(slots=True)
class Frontier:
    """An index of a run's tasks by what they wait for. It changes only through `move`.

    A task that is ready has its locks already, all of them, or it waits holding none: no two deadlock
    unless a lock is passed on to one that waits for another.
    """

    nodes: Mapping[str, PlannedTask]
    dependants: Mapping[str, tuple[str, ...]]
    status: dict[str, TaskStatus]
    missing: dict[str, int] = field(default_factory=dict)
    """How many of its needs have not succeeded."""
    lost: dict[str, str] = field(default_factory=dict)
    """Waiting tasks that can never start, each with the need it waits for in vain."""
    holders: dict[str, list[str]] = field(default_factory=dict)
    """Lock to the tasks that have it; as many as it has seats."""
    running: set[str] = field(default_factory=set)
    open: int = 0
    """Tasks not ended yet."""
    _seats: Mapping[str, int] = field(default_factory=dict)
    _order: Mapping[str, int] = field(default_factory=dict)
    # Places in the plan, negated and sorted, so that the next to start is last and cheap to take away.
    _ready: list[int] = field(default_factory=list)
    _parked: dict[str, list[int]] = field(default_factory=dict)
    _ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Where every task waits and none has started."""
        dependants: dict[str, list[str]] = defaultdict(list)
        for node in plan.tasks:
            for need in node.needs:
                dependants[need].append(node.id)
        ids = tuple(node.id for node in plan.tasks)
        frontier = cls(
            nodes={node.id: node for node in plan.tasks},
            dependants={name: tuple(dependants[name]) for name in ids},
            status=dict.fromkeys(ids, "waiting"),
            missing={node.id: len(node.needs) for node in plan.tasks},
            open=len(ids),
            _seats=plan.seats,
            _order={name: -place for place, name in enumerate(ids)},
            _ids=ids,
        )
        # Those without locks from the last to the first: each is put at the end, which costs nothing.
        unlocked = (node.id for node in reversed(plan.tasks) if not node.locks)
        for name in (*unlocked, *(node.id for node in plan.tasks if node.locks)):
            frontier._make_ready(name)
        return frontier

    @property
    def over(self) -> bool:
        """Whether every task has ended."""
        return self.open == 0

    def ready(self, most: int) -> tuple[str, ...]:
        """At most so many of the tasks that may start, in the plan's order."""
        first = self._ready[-most:] if most > 0 else []
        return tuple(self._ids[-place] for place in reversed(first))

    def waits_for_running_only(self, task: str) -> bool:
        """Whether nothing keeps it from its turn but tasks that run now."""
        return self.missing[task] == sum(need in self.running for need in self.nodes[task].needs)

    def in_order(self, tasks: Iterable[str]) -> tuple[str, ...]:
        """In the plan's order."""
        return tuple(sorted(tasks, key=lambda task: -self._order[task]))

    def move(self, task: str, after: TaskStatus) -> None:
        """A task's status changes; what that means for those next to it follows at once."""
        before = self.status[task]
        if before == after:
            return
        self.status[task] = after
        if after == "running":
            self.running.add(task)
        else:
            self.running.discard(task)
        self.open += (after not in ENDED) - (before not in ENDED)
        if before == "waiting":
            self._leave(task)
        if after != "running":
            self._free_locks(task)
        if after == "waiting":
            self._enter(task)
        if before in ENDED or after in ENDED:
            self._tell_dependants(task, before, after)

    # --- a task that waits ----------------------------------------------------------------------

    def _enter(self, task: str) -> None:
        self._find_lost(task)
        self._make_ready(task)

    def _find_lost(self, task: str) -> None:
        need = next((need for need in self.nodes[task].needs if self.status[need] in LOST), None)
        if need is not None:
            self.lost[task] = need

    def _leave(self, task: str) -> None:
        self.lost.pop(task, None)
        _discard(self._ready, self._order[task])
        for lock in self.nodes[task].locks:
            _discard(self._parked.get(lock, []), self._order[task])

    def _make_ready(self, task: str) -> None:
        """If it waits for nothing but its turn; where it waits for a lock, it is parked there."""
        if self.status[task] != "waiting" or self.missing[task]:
            return
        locks = self.nodes[task].locks
        full = next((lock for lock in locks if not self.has_seat(lock, task)), None)
        if full is not None:
            insort(self._parked.setdefault(full, []), self._order[task])
            return
        for lock in locks:
            self._seat(lock, task)
        insort(self._ready, self._order[task])

    # --- locks ----------------------------------------------------------------------------------

    def waiting_for(self, lock: str) -> tuple[str, ...]:
        """The tasks that wait for nothing but this lock first of all, in the plan's order."""
        return tuple(self._ids[-place] for place in reversed(self._parked.get(lock, [])))

    def pass_lock(self, lock: str, holder: str, to: str) -> None:
        """A lock changes hands without being free in between; `to` may have to wait for others still."""
        self.holders[lock].remove(holder)
        self._seat(lock, to)
        if self.status[to] == "waiting" and _holds(self._parked.get(lock, []), self._order[to]):
            self._leave(to)
            self._make_ready(to)
        self._offer(lock)

    def has_seat(self, lock: str, task: str) -> bool:
        holders = self.holders.get(lock, ())
        return task in holders or len(holders) < self._seats.get(lock, 1)

    def _seat(self, lock: str, task: str) -> None:
        holders = self.holders.setdefault(lock, [])
        if task not in holders:
            holders.append(task)

    def _free_locks(self, task: str) -> None:
        freed = [lock for lock in self.nodes[task].locks if task in self.holders.get(lock, ())]
        for lock in freed:
            self.holders[lock].remove(task)
        for lock in freed:
            self._offer(lock)

    def _offer(self, lock: str) -> None:
        """To those parked at it, until none has a seat left or none needs it."""
        parked = self._parked.get(lock, [])
        while parked and self.has_seat(lock, ""):
            self._make_ready(self._ids[-parked.pop()])

    # --- those that need it ---------------------------------------------------------------------

    def _tell_dependants(self, task: str, before: TaskStatus, after: TaskStatus) -> None:
        for dependant in self.dependants[task]:
            self.missing[dependant] += (before == "succeeded") - (after == "succeeded")
            if self.status[dependant] == "waiting":
                self._need_moved(dependant, task, before, after)

    def _need_moved(self, task: str, need: str, before: TaskStatus, after: TaskStatus) -> None:
        if self.lost.get(task) == need:
            del self.lost[task]
            self._find_lost(task)
        if after in LOST:
            self.lost.setdefault(task, need)
        if before == "succeeded":  # it is to be done again
            self._leave(task)
            self._free_locks(task)
        self._make_ready(task)


def _holds(places: list[int], place: int) -> bool:
    at = bisect_left(places, place)
    return places[at : at + 1] == [place]


def _discard(places: list[int], place: int) -> None:
    if _holds(places, place):
        del places[bisect_left(places, place)]
