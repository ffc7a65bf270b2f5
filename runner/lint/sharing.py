"""Do two tasks own, or wait for, the same thing?"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from itertools import combinations

from runner.lint.finding import Finding, Subject, listed
from runner.spec import Task

MAX_COMPARED = 200  # tasks, each with each other


def outputs_at_one_path(subject: Subject) -> Iterator[Finding]:
    for task in subject.swarm.tasks:
        paths: dict[str, str] = {}
        for name, output in task.outputs.items():
            first = paths.setdefault(posixpath.normpath(output.path), name)
            if first != name:
                yield Finding(
                    "ownership-overlap",
                    "warning",
                    subject.place(task.id, "outputs", name),
                    f"{first} and {name} are the same file, {output.path}",
                    "keep one of them, or give each a path of its own",
                )


def hosts_without_a_lock(subject: Subject) -> Iterator[Finding]:
    """The same site used by two agents at once, which then may share an account or a mailbox."""
    going_out = [task for task in subject.swarm.tasks if task.allow.hosts][:MAX_COMPARED]
    before = {task.id: subject.waited_for(task.id) for task in going_out}
    for one, other in combinations(going_out, 2):
        at_once = one.id not in before[other.id] and other.id not in before[one.id]
        shared = _shared_hosts(one, other)
        if at_once and shared and not set(one.locks) & set(other.locks):
            yield Finding(
                "ownership-overlap",
                "advice",
                subject.place(other.id, "allow", "hosts"),
                f"{one.id} and {other.id} may use {listed(shared)} at the same time",
                "if they share an account there, give both one of the swarm's `locks`",
            )


def _shared_hosts(one: Task, other: Task) -> list[str]:
    pairs = ((a, b) for a in one.allow.hosts or () for b in other.allow.hosts or ())
    return sorted({a for a, b in pairs if fnmatch(a, b) or fnmatch(b, a)})


def locks_in_different_orders(subject: Subject) -> Iterator[Finding]:
    """Two tasks that name the same locks the other way round."""
    first: dict[tuple[str, str], str] = {}
    for task in subject.swarm.tasks:
        for pair in combinations(task.locks, 2):
            other = first.get((pair[1], pair[0]))
            if other is not None:
                yield Finding(
                    "lock-order",
                    "warning",
                    subject.place(task.id, "locks"),
                    f"{task.id} names {pair[0]} before {pair[1]}, {other} the other way round",
                    "name them in one order everywhere; a desktop handed over brings its locks along",
                )
                return
            first.setdefault(pair, task.id)


def locks_that_can_deadlock(subject: Subject) -> Iterator[Finding]:
    """Locks that come along with a desktop are held while the task that takes it waits for others."""
    waits: dict[str, set[str]] = defaultdict(set)
    tasks: dict[str, str] = {}
    for task in subject.swarm.tasks:
        held = {lock for lock in task.locks if lock in _brought(subject, task)}
        for lock in held:
            waits[lock] |= set(task.locks) - held
            tasks.setdefault(lock, task.id)
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        holders = [tasks[lock] for lock in circle[1:]]
        yield Finding(
            "lock-order",
            "error",
            subject.place(holders[0], "locks"),
            f"{listed(holders)} can wait for each other for ever: each is handed a lock the other one needs",
            "let the first task of each chain take all locks the chain needs",
        )


def _brought(subject: Subject, task: Task) -> set[str]:
    sources = [source for source, handoff in task.handoffs.items() if handoff.mode == "transfer"]
    return {lock for source in sources for lock in subject.tasks[source].locks}
