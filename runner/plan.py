"""The planner: a swarm becomes a dependency graph, once, before anything starts."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice

from pydantic import Field

from runner.artifacts import Sha256, sha256
from runner.errors import MAX_PROBLEMS, Loc, SpecError, SpecProblem, suggest
from runner.spec import AgentSpec, ScriptAgent, Swarm, Task
from sandboxes.spec import Model, Name


class Reference(Model):
    """An output of a task, which an input of another one names."""

    task: Name
    output: Name


class PlannedTask(Model):
    """A node of the graph: what a task needs done before it, and where its inputs come from.

    `hash` covers all the task says, its agent, and the hashes of what it needs; not the content of files
    beside the swarm file.
    """

    id: Name
    hash: Sha256
    needs: tuple[Name, ...]
    artifacts: dict[Name, Reference] = Field(default_factory=dict, description="by the input's name")


class Plan(Model):
    """The graph, in an order in which every task stands behind all it needs."""

    tasks: tuple[PlannedTask, ...]


def make_plan(swarm: Swarm) -> Plan:
    """The plan of a swarm. Raises SpecError with what is wrong, at most MAX_PROBLEMS things."""
    tasks = {task.id: task for task in swarm.tasks}
    found = chain(_repeated_ids(swarm), _task_problems(swarm, tasks))
    problems = list(islice(found, MAX_PROBLEMS))
    if not problems:
        problems = list(_cycles(swarm, tasks))
    if problems:
        raise SpecError(problems)
    planned: dict[str, PlannedTask] = {}
    for task_id in TopologicalSorter(_graph(tasks)).static_order():
        planned[task_id] = _planned(swarm, tasks, tasks[task_id], planned)
    return Plan(tasks=tuple(planned.values()))


def agent_of(swarm: Swarm, task: Task) -> AgentSpec:
    """The agent of a task, looked up where it is a name."""
    return swarm.agents[task.agent] if isinstance(task.agent, str) else task.agent


def _planned(
    swarm: Swarm, tasks: Mapping[str, Task], task: Task, before: Mapping[str, PlannedTask]
) -> PlannedTask:
    needs = _needs(task, tasks)
    said = task.model_copy(update={"agent": agent_of(swarm, task)}).model_dump(mode="json", by_alias=True)
    below = [before[need].hash for need in needs]
    digest = sha256(json.dumps([said, below], sort_keys=True).encode())
    return PlannedTask(id=task.id, hash=digest, needs=needs, artifacts=_artifacts(task, tasks))


def _graph(tasks: Mapping[str, Task]) -> dict[str, tuple[str, ...]]:
    return {task.id: _needs(task, tasks) for task in tasks.values()}


def _needs(task: Task, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """The tasks named by `after` and by inputs, each once."""
    return tuple(dict.fromkeys([*task.after, *(ref.task for ref in _artifacts(task, tasks).values())]))


def _artifacts(task: Task, tasks: Mapping[str, Task]) -> dict[str, Reference]:
    named = {name: source.artifact for name, source in task.inputs.items() if source.artifact}
    return {name: _references(artifact, tasks)[0] for name, artifact in named.items()}


def _references(artifact: str, tasks: Mapping[str, Task]) -> list[Reference]:
    """What `TASK.OUTPUT` can mean; more than one thing where the names themselves hold dots."""
    parts = artifact.split(".")
    splits = [(".".join(parts[:at]), ".".join(parts[at:])) for at in range(1, len(parts))]
    return [
        Reference(task=task, output=output)
        for task, output in splits
        if task in tasks and output in tasks[task].outputs
    ]


# --- what can be wrong --------------------------------------------------------------------------


def _repeated_ids(swarm: Swarm) -> Iterator[SpecProblem]:
    seen: set[str] = set()
    for index, task in enumerate(swarm.tasks):
        if task.id in seen:
            yield SpecProblem(("tasks", index, "id"), f"{task.id!r} is the id of an earlier task too")
        seen.add(task.id)


def _task_problems(swarm: Swarm, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    for index, task in enumerate(swarm.tasks):
        at: Loc = ("tasks", index)
        if isinstance(task.agent, str) and task.agent not in swarm.agents:
            message = f"no agent is named {task.agent!r}{suggest(task.agent, swarm.agents)}"
            yield SpecProblem((*at, "agent"), message)
        else:
            yield from _budget_problems(at, task, agent_of(swarm, task))
        for number, name in enumerate(task.after):
            if name not in tasks:
                message = f"no task has the id {name!r}{suggest(name, tasks)}"
                yield SpecProblem((*at, "after", number), message)
        yield from _input_problems(at, task, tasks)


def _budget_problems(at: Loc, task: Task, agent: AgentSpec) -> Iterator[SpecProblem]:
    budget, lifetime_s = task.budget, task.desktop.limits.lifetime_s
    if isinstance(agent, ScriptAgent) and len(agent.steps) > budget.steps:
        message = f"{budget.steps} steps cannot do for a script of {len(agent.steps)}"
        yield SpecProblem((*at, "budget", "steps"), message)
    if budget.wall_s > lifetime_s:
        message = f"{budget.wall_s:g} s are more than the {lifetime_s:g} s the desktop lives (lifetime_s)"
        yield SpecProblem((*at, "budget", "wall_s"), message)


def _input_problems(at: Loc, task: Task, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    paths = Counter(posixpath.normpath(source.to) for source in task.inputs.values())
    for name, source in task.inputs.items():
        here = (*at, "inputs", name)
        if (source.file is None) == (source.artifact is None):
            yield SpecProblem(here, "give one of `file` and `artifact`")
        if source.artifact is not None:
            yield from _artifact_problems((*here, "artifact"), source.artifact, tasks)
        if paths[posixpath.normpath(source.to)] > 1:
            yield SpecProblem((*here, "to"), f"another input is put at {source.to} too")


def _artifact_problems(at: Loc, artifact: str, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    found = _references(artifact, tasks)
    if not found:
        known = [f"{task.id}.{output}" for task in tasks.values() for output in task.outputs]
        yield SpecProblem(at, f"no task has the output {artifact!r}{suggest(artifact, known)}")
    if len(found) > 1:
        yield SpecProblem(at, f"{artifact!r} can mean outputs of several tasks; rename one")


def _cycles(swarm: Swarm, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    try:
        TopologicalSorter(_graph(tasks)).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        index = min(i for i, task in enumerate(swarm.tasks) if task.id in cycle)
        # graphlib lists each before what waits for it; people read "waits for" from left to right.
        shown = [*reversed(cycle)] if len(cycle) <= 20 else [*cycle[:-11:-1], "...", cycle[0]]
        yield SpecProblem(("tasks", index), f"tasks wait for each other: {' after '.join(shown)}")
