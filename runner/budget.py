"""Budgets: of an attempt, of a task's attempts together, of a tier and of the run.

What the shared ones have spent is a fold of the journal, like everything known of a run. A limit can be
passed by at most one decision of each session at work: none is paid for once a budget it shares is used up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from runner.agents.base import BudgetLeft, Usage
from runner.events import AttemptStarted, CheckpointTaken, Event, RunResumed, VerdictGiven, Warned
from runner.spec import Allowance, Budget, Swarm, Task

Resource = Literal["steps", "wall_s", "tokens", "money"]

WARN_AT = 0.8
MONITOR = "budget."
_RESOURCES: tuple[Resource, ...] = get_args(Resource)
_UNITS = {"steps": "steps", "wall_s": "s of wall time", "tokens": "tokens", "money": "US dollars"}


@dataclass(frozen=True, slots=True)
class Spent:
    """What is used of one limit. `scope` is empty for the attempt's own, else `task`, `tier` or `run`."""

    scope: str
    owner: str
    resource: Resource
    used: float
    limit: float

    def __str__(self) -> str:
        used = f"{self.used:.1f}" if self.resource == "wall_s" else f"{self.used:.10g}"
        whose = f" of the {self.owner}" if self.scope else ""
        return f"{used} of {self.limit:.10g} {_UNITS[self.resource]} used{whose}"

    @property
    def cause(self) -> str:
        return f"{self.scope}_{self.resource}" if self.scope else self.resource


@dataclass(slots=True)
class Account:
    """One budget, and what is used of it. `started_at`, in seconds since the epoch, is None
    before its first use."""

    scope: str
    owner: str
    limits: Budget | Allowance
    started_at: float | None = None
    steps: int = 0
    usage: Usage = field(default_factory=Usage)
    warned: set[str] = field(default_factory=set)

    def pay(self, usage: Usage) -> None:
        self.usage = self.usage + usage

    def spent(self, resource: Resource, now: float) -> Spent | None:
        """None where there is no limit."""
        limit: float | None = getattr(self.limits, resource)
        if limit is None:
            return None
        return Spent(self.scope, self.owner, resource, self._used(resource, now), limit)

    def left(self, resource: Resource, now: float) -> float | None:
        spent = self.spent(resource, now)
        return None if spent is None else max(0, spent.limit - spent.used)

    def new_warnings(self, now: float) -> Iterator[Spent]:
        """Each limit that is nearly reached, once."""
        for resource in _RESOURCES:
            spent = self.spent(resource, now)
            if spent and spent.used >= WARN_AT * spent.limit and spent.cause not in self.warned:
                self.warned.add(spent.cause)
                yield spent

    def _used(self, resource: Resource, now: float) -> float:
        match resource:
            case "steps":
                return self.steps
            case "wall_s":
                return 0 if self.started_at is None else max(0, now - self.started_at)
            case "tokens":
                return self.usage.tokens
            case "money":
                return self.usage.money


class Purse:
    """What one attempt may still use: of its own budget, whose clock starts now, and of those it shares."""

    def __init__(self, budget: Budget, shared: Sequence[Account] = ()) -> None:
        self._own = Account("", "attempt", budget, time.time())
        self._accounts = (self._own, *shared)

    def pay(self, usage: Usage) -> None:
        """Pay for a decision; the shared accounts learn of it from the journal."""
        self._own.pay(usage)

    def step(self) -> Spent | None:
        """Take one step; what has no step left, where that is so."""
        if (none_left := self._used_up("steps")) is None:
            self._own.steps += 1
        return none_left

    def overdrawn(self) -> Spent | None:
        """What is used up, so that no further decision may be paid for."""
        return self._used_up("tokens") or self._used_up("money") or self._used_up("wall_s")

    def shared_overdrawn(self) -> Spent | None:
        """What another attempt could not use either, so that it need not begin."""
        return next(
            (spent for r in _RESOURCES for spent in [self._used_up(r)] if spent and spent.scope), None
        )

    def new_warnings(self) -> list[Spent]:
        now = time.time()
        return [spent for account in self._accounts for spent in account.new_warnings(now)]

    def wall(self) -> Spent:
        """The limit of wall time that is reached first."""
        now = time.time()
        found = [spent for account in self._accounts if (spent := account.spent("wall_s", now))]
        return min(found, key=lambda spent: spent.limit - spent.used)

    def left(self) -> BudgetLeft:
        steps, wall_s, tokens = self._least("steps"), self._least("wall_s"), self._least("tokens")
        return BudgetLeft(
            steps=int(steps or 0),
            wall_s=wall_s or 0,
            tokens=None if tokens is None else int(tokens),
            money=self._least("money"),
        )

    def _least(self, resource: Resource) -> float | None:
        now = time.time()
        found = [left for account in self._accounts if (left := account.left(resource, now)) is not None]
        return min(found, default=None)

    def _used_up(self, resource: Resource) -> Spent | None:
        now = time.time()
        found = (account.spent(resource, now) for account in self._accounts)
        return next((spent for spent in found if spent and spent.used >= spent.limit), None)


@dataclass(slots=True)
class Ledger:
    """The shared accounts of a run, by task: a fold of its events. `at` is when the last of them was."""

    at: float
    shared: dict[str, tuple[Account, ...]]

    @classmethod
    def open(cls, swarm: Swarm, started_at: float) -> Ledger:
        run = Account("run", "run", swarm.budget, started_at)
        tiers = {name: Account("tier", f"tier {name}", limits) for name, limits in swarm.tiers.items()}
        return cls(started_at, {task.id: _shared(task, tiers, run) for task in swarm.tasks})

    def apply(self, event: Event, at: float) -> None:
        match event:
            case RunResumed():
                self._skip(at - self.at)
            case AttemptStarted():
                self._begin(event.task, at)
            case CheckpointTaken():
                self.spend(event.task, int(event.executed > 0), event.usage)
            case VerdictGiven():
                self.spend(event.task, 0, event.usage)
            case Warned() if event.monitor.startswith(MONITOR):
                for account in self.shared[event.task]:
                    account.warned.add(event.monitor.removeprefix(MONITOR))
        self.at = at

    def spend(self, task: str, steps: int, usage: Usage) -> None:
        """What attempts at a task have used."""
        for account in self.shared[task]:
            account.steps += steps
            account.pay(usage)

    def purse(self, task: Task) -> Purse:
        """For an attempt that begins now."""
        return Purse(task.budget, self.shared[task.id])

    def _begin(self, task: str, at: float) -> None:
        for account in self.shared[task]:
            account.started_at = at if account.started_at is None else account.started_at

    def _skip(self, gap_s: float) -> None:
        """No time was used while no controller was there."""
        for account in {
            id(account): account for accounts in self.shared.values() for account in accounts
        }.values():
            if account.started_at is not None:
                account.started_at += gap_s


def _shared(task: Task, tiers: dict[str, Account], run: Account) -> tuple[Account, ...]:
    own = () if task.total == Allowance() else (Account("task", f"task {task.id}", task.total),)
    return (*own, *([tiers[task.tier]] if task.tier else []), run)
