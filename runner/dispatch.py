"""The dispatcher: from what is done to what may happen now. A pure function."""

from __future__ import annotations

from dataclasses import dataclass

from runner.frontier import Frontier


@dataclass(frozen=True, slots=True)
class Moves:
    """Tasks to start, in order; and tasks that never can, each with the task it needs in vain."""

    start: tuple[str, ...]
    blocked: dict[str, str]


def dispatch(frontier: Frontier, parallel: int) -> Moves:
    """What may happen now, with at most `parallel` tasks running.

    What it costs depends on what it answers, not on how many tasks there are.
    """
    return Moves(frontier.ready(parallel - len(frontier.running)), _blocked(frontier))


def _blocked(frontier: Frontier) -> dict[str, str]:
    """The waiting tasks behind one that was lost, the nearest first."""
    blocked = dict(frontier.lost)
    reached = list(blocked)
    for task in reached:  # grows meanwhile
        for dependant in frontier.dependants[task]:
            if dependant not in blocked and frontier.status[dependant] == "waiting":
                blocked[dependant] = task
                reached.append(dependant)
    return blocked


def upcoming(frontier: Frontier, most: int) -> tuple[str, ...]:
    """At most so many of the tasks that wait for nothing but tasks that run now, or for their turn."""
    behind = {
        dependant
        for task in frontier.running
        for dependant in frontier.dependants[task]
        if frontier.status[dependant] == "waiting" and frontier.waits_for_running_only(dependant)
    }
    return frontier.in_order({*frontier.ready(most), *behind})[:most]
