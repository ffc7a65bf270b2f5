"""Locks on things outside: who holds what, and whether tasks wait for each other for ever.

A task takes all its locks at once when it starts, so two that only run cannot deadlock. A lock that goes to
the next task with the desktop is held while that one still waits, for other locks or for other tasks; those
can wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runner.events import Waits
from runner.frontier import ENDED, Frontier


def deadlock(frontier: Frontier, waiting_holders: Iterable[str]) -> tuple[Waits, ...]:
    """A circle of tasks that wait for each other for ever, or nothing.

    Every circle goes through one of `waiting_holders`: tasks that do not run and yet hold a lock.
    """
    stuck = _stuck(frontier, _reachable(frontier, waiting_holders))
    return _circle(stuck)


def _waits(frontier: Frontier, task: str) -> tuple[list[Waits], list[list[Waits]]]:
    """What a waiting task waits for: all of some tasks and, of each full lock, any holder."""
    node = frontier.nodes[task]
    needs = [Waits(task=task, holder=need) for need in node.needs if frontier.status[need] != "succeeded"]
    full = [lock for lock in node.locks if not frontier.has_seat(lock, task)]
    holders = [
        [Waits(task=task, lock=lock, holder=one) for one in frontier.holders.get(lock, ())] for lock in full
    ]
    return needs, holders


def _reachable(frontier: Frontier, starts: Iterable[str]) -> set[str]:
    """The tasks that these wait for, and those that they wait for in turn."""
    found = set(starts)
    pending = list(found)
    while pending:
        task = pending.pop()
        if frontier.status[task] == "waiting":
            new = {wait.holder for wait in _all_waits(frontier, task)} - found
            found |= new
            pending.extend(new)
    return found


def _all_waits(frontier: Frontier, task: str) -> Iterator[Waits]:
    needs, holders = _waits(frontier, task)
    yield from needs
    for each in holders:
        yield from each


def _stuck(frontier: Frontier, tasks: set[str]) -> dict[str, Waits]:
    """The tasks that can never go on, each with one thing it waits for in vain.

    Found from the other side: who is at work or ended will go on, and so will all that wait only for them.
    """
    hopeful = {task for task in tasks if frontier.status[task] != "waiting"}
    while True:
        more = {task for task in tasks - hopeful if not _in_vain(frontier, task, hopeful)}
        if not more:
            return {task: _in_vain(frontier, task, hopeful)[0] for task in tasks - hopeful}
        hopeful |= more


def _in_vain(frontier: Frontier, task: str, hopeful: set[str]) -> list[Waits]:
    needs, holders = _waits(frontier, task)
    if any(frontier.status[wait.holder] in ENDED for wait in needs):
        return []  # a need was lost: it ends as blocked, and waits for nothing
    vain = [wait for wait in needs if wait.holder not in hopeful]
    for each in holders:
        if all(wait.holder not in hopeful for wait in each):
            vain.extend(each)
    return vain


def _circle(stuck: Mapping[str, Waits]) -> tuple[Waits, ...]:
    if not stuck:
        return ()
    path: dict[str, Waits] = {}
    task = next(iter(stuck))
    while task not in path:
        path[task] = stuck[task]
        task = stuck[task].holder
    steps = list(path.values())
    return tuple(steps[list(path).index(task) :])
