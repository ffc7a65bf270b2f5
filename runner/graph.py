"""Who needs whom in a swarm, read from what its tasks say."""

from __future__ import annotations

from collections.abc import Mapping

from runner.spec import AgentSpec, Swarm, Task
from sandboxes.spec import Model, Name


class Reference(Model):
    """An output of a task, which an input of another one names."""

    task: Name
    output: Name


def agent_of(swarm: Swarm, task: Task, other: str | None = None) -> AgentSpec:
    """The agent of a task, looked up where it is a name; or the `other` one of the swarm that has it now."""
    agent = other or task.agent
    return swarm.agents[agent] if isinstance(agent, str) else agent


def by_id(swarm: Swarm) -> dict[str, Task]:
    return {task.id: task for task in swarm.tasks}


def sources(artifact: str, tasks: Mapping[str, Task]) -> list[Reference]:
    """What `TASK.OUTPUT` can mean; more than one thing where the names themselves hold dots."""
    parts = artifact.split(".")
    splits = [(".".join(parts[:at]), ".".join(parts[at:])) for at in range(1, len(parts))]
    return [
        Reference(task=task, output=output)
        for task, output in splits
        if task in tasks and output in tasks[task].outputs
    ]


def artifacts_of(task: Task, tasks: Mapping[str, Task]) -> dict[str, Reference]:
    """Where the inputs that are artifacts come from, by the input's name."""
    named = {name: source.artifact for name, source in task.inputs.items() if source.artifact}
    return {name: sources(artifact, tasks)[0] for name, artifact in named.items()}


def needs_of(task: Task, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """The tasks named by `after` and by inputs, each once."""
    return tuple(dict.fromkeys([*task.after, *(one.task for one in artifacts_of(task, tasks).values())]))


def needs(swarm: Swarm) -> dict[str, tuple[str, ...]]:
    """Every task with those it needs."""
    tasks = by_id(swarm)
    return {task.id: needs_of(task, tasks) for task in swarm.tasks}
