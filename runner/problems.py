"""What its models cannot see to be wrong with a swarm: names that lead nowhere, circles, double bookings."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice

from runner.errors import MAX_PROBLEMS, Loc, SpecProblem, suggest
from runner.graph import agent_of, by_id, needs, needs_of, sources
from runner.model_agents import ModelAgent
from runner.rule_problems import rule_problems
from runner.spec import AgentSpec, ScriptAgent, Swarm, Task


def problems_of(swarm: Swarm) -> list[SpecProblem]:
    """At most MAX_PROBLEMS."""
    tasks = by_id(swarm)
    found = chain(_repeated_ids(swarm), _task_problems(swarm, tasks), rule_problems(swarm))
    return list(islice(found, MAX_PROBLEMS)) or list(_cycles(swarm)) or list(_handoff_problems(swarm, tasks))


def _repeated_ids(swarm: Swarm) -> Iterator[SpecProblem]:
    seen: set[str] = set()
    for index, task in enumerate(swarm.tasks):
        if task.id in seen:
            yield SpecProblem(("tasks", index, "id"), f"{task.id!r} is the id of an earlier task too")
        seen.add(task.id)


def _task_problems(swarm: Swarm, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    for index, task in enumerate(swarm.tasks):
        at: Loc = ("tasks", index)
        yield from _agent_problems(at, swarm, task)
        yield from _unknown((*at, "after"), "task has the id", task.after, tasks)
        yield from _unknown((*at, "locks"), "lock is named", task.locks, swarm.locks)
        yield from _unknown((*at, "secrets"), "secret is named", task.secrets, swarm.secrets)
        for field, kind, known in (("tier", "tier", swarm.tiers), ("each", "map", swarm.map)):
            name = getattr(task, field)
            if name is not None and name not in known:
                yield SpecProblem((*at, field), f"no {kind} is named {name!r}{suggest(name, known)}")
        yield from _input_problems(at, task, tasks)


def _unknown(at: Loc, what: str, names: Iterable[str], known: Iterable[str]) -> Iterator[SpecProblem]:
    for number, name in enumerate(names):
        if name not in known:
            yield SpecProblem((*at, number), f"no {what} {name!r}{suggest(name, known)}")


def _agent_problems(at: Loc, swarm: Swarm, task: Task) -> Iterator[SpecProblem]:
    if isinstance(task.agent, str) and task.agent not in swarm.agents:
        message = f"no agent is named {task.agent!r}{suggest(task.agent, swarm.agents)}"
        yield SpecProblem((*at, "agent"), message)
    else:
        yield from _budget_problems(at, task, agent_of(swarm, task))


def _budget_problems(at: Loc, task: Task, agent: AgentSpec) -> Iterator[SpecProblem]:
    budget, lifetime_s = task.budget, task.desktop.limits.lifetime_s
    if isinstance(agent, ScriptAgent) and len(agent.steps) > budget.steps:
        message = f"{budget.steps} steps cannot do for a script of {len(agent.steps)}"
        yield SpecProblem((*at, "budget", "steps"), message)
    if isinstance(agent, ModelAgent) and agent.prices is None:
        for field, money in (("budget", budget.money), ("total", task.total.money)):
            if money is not None:
                message = f"{money:g} dollars cannot be kept to without the `prices` of {agent.model}"
                yield SpecProblem((*at, field, "money"), message)
    if budget.wall_s > lifetime_s:
        message = f"{budget.wall_s:g} s are more than the {lifetime_s:g} s the desktop lives (lifetime_s)"
        yield SpecProblem((*at, "budget", "wall_s"), message)


def _input_problems(at: Loc, task: Task, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    paths = Counter(posixpath.normpath(source.to) for source in task.inputs.values())
    for name, source in task.inputs.items():
        here = (*at, "inputs", name)
        if sum(one is not None for one in (source.file, source.artifact, source.stored)) != 1:
            yield SpecProblem(here, "give one of `file` and `artifact`")
        if source.artifact is not None:
            yield from _artifact_problems((*here, "artifact"), source.artifact, tasks)
        if paths[posixpath.normpath(source.to)] > 1:
            yield SpecProblem((*here, "to"), f"another input is put at {source.to} too")


def _artifact_problems(at: Loc, artifact: str, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    found = sources(artifact, tasks)
    if not found:
        known = [f"{task.id}.{output}" for task in tasks.values() for output in task.outputs]
        yield SpecProblem(at, f"no task has the output {artifact!r}{suggest(artifact, known)}")
    if len(found) > 1:
        yield SpecProblem(at, f"{artifact!r} can mean outputs of several tasks; rename one")


def _cycles(swarm: Swarm) -> Iterator[SpecProblem]:
    try:
        TopologicalSorter(needs(swarm)).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        index = min(i for i, task in enumerate(swarm.tasks) if task.id in cycle)
        # graphlib lists each before what waits for it; people read "waits for" from left to right.
        shown = [*reversed(cycle)] if len(cycle) <= 20 else [*cycle[:-11:-1], "...", cycle[0]]
        yield SpecProblem(("tasks", index), f"tasks wait for each other: {' after '.join(shown)}")


def _handoff_problems(swarm: Swarm, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    for index, task in enumerate(swarm.tasks):
        if task.handoffs:
            reporting = (other.id for other in swarm.tasks if other.reports_to == task.id)
            known = (*needs_of(task, tasks), *reporting)
            for name in task.handoffs.keys() - set(known):
                message = f"{task.id} does not wait for {name!r}; name it in `after`{suggest(name, known)}"
                yield SpecProblem(("tasks", index, "handoffs", name), message)
