"""The plan: a dependency graph, made once, before anything starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal

from pydantic import Field

from runner.artifacts import Sha256, sha256
from runner.errors import SpecError
from runner.graph import Reference, agent_of, artifacts_of, by_id, needs, needs_of
from runner.local_files import local_file
from runner.named_files import code_of, files_of
from runner.problems import problems_of
from runner.spec import Swarm, Task
from sandboxes.spec import Model, Name


class PlannedTask(Model):
    """A node of the graph: what a task needs done before it, and where its inputs come from.

    `hash` covers what the task says, its agent, the files beside the swarm that it names, and the hashes
    of what it needs: the same hash is the same work on the same inputs.
    """

    id: Name
    hash: Sha256
    needs: tuple[Name, ...]
    artifacts: dict[Name, Reference] = Field(default_factory=dict, description="by the input's name")
    locks: tuple[Name, ...] = Field(default=(), description="taken when an attempt starts, all at once")


class Plan(Model):
    """The graph, in an order in which every task stands behind all it needs."""

    pattern: Literal["pipeline", "swarm", "hierarchy"] = "swarm"
    planner: str = Field(default="", description="what made the tasks; empty: the swarm file")
    tasks: tuple[PlannedTask, ...]
    seats: dict[Name, int] = Field(
        default_factory=dict, description="of the locks that several may hold at once"
    )


def make_plan(swarm: Swarm, folder: Path | None = None) -> Plan:
    """The plan of a swarm without patterns and maps (runner.compile has those).

    `folder` holds the files the swarm names; without it their content is not in the hashes. Raises
    SpecError with what is wrong, at most MAX_PROBLEMS things, and InputError where a file is not there.
    """
    if problems := problems_of(swarm):
        raise SpecError(problems)
    tasks, planner = by_id(swarm), _Planner(swarm, folder)
    for task_id in TopologicalSorter(needs(swarm)).static_order():
        planner.add(tasks[task_id], tasks)
    seats = {name: lock.holders for name, lock in swarm.locks.items() if lock.holders > 1}
    return Plan(tasks=tuple(planner.planned.values()), seats=seats)


@dataclass(slots=True)
class _Planner:
    swarm: Swarm
    folder: Path | None
    planned: dict[str, PlannedTask] = field(default_factory=dict)
    _content: dict[str, str] = field(default_factory=dict)

    def add(self, task: Task, tasks: Mapping[str, Task]) -> None:
        needs = needs_of(task, tasks)
        self.planned[task.id] = PlannedTask(
            id=task.id,
            hash=self._hash(task, needs),
            needs=needs,
            artifacts=artifacts_of(task, tasks),
            locks=task.locks,
        )

    def _hash(self, task: Task, needs: tuple[str, ...]) -> str:
        said = task.model_copy(update={"agent": agent_of(self.swarm, task)})
        # Without defaults, so that a field that a later version adds does not change every hash.
        text = said.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        below = [self.planned[need].hash for need in needs]
        files = dict(self._files(said)) if self.folder else {}
        return sha256(json.dumps([text, below, files], sort_keys=True).encode())

    def _files(self, task: Task) -> Iterator[tuple[str, str]]:
        assert self.folder is not None
        named = [name for _, name in files_of(task)]
        for name in [*named, *code_of(task, agent_of(self.swarm, task), self.folder)]:
            if name not in self._content:
                with local_file(self.folder, name).open("rb") as file:
                    self._content[name] = hashlib.file_digest(file, "sha256").hexdigest()
            yield name, self._content[name]
