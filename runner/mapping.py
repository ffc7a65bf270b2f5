"""Tasks that are repeated: one for each row of a table, or each file of a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner.errors import Loc, SpecError, SpecProblem, suggest
from runner.graph import Reference, agent_of, artifacts_of, by_id
from runner.rows import Row, read_map
from runner.spec import Input, Swarm, Task

_FIELD = re.compile(r"\{row\.([^{}]+)\}")
Maps = Mapping[str, Sequence[Row]]


def read_maps(swarm: Swarm, folder: Path) -> dict[str, list[Row]]:
    """The rows of each map that a task is repeated over. Raises SpecError."""
    used = {task.each for task in swarm.tasks}
    return {name: read_map(name, source, folder) for name, source in swarm.map.items() if name in used}


def expand(swarm: Swarm, maps: Maps) -> tuple[Swarm, list[int]]:
    """The swarm with a task for each row, and for each of its tasks which one it was made from, by place.

    Of two tasks with the same map, each row's has to do with the same row's. What is not repeated over a
    map, and needs a task that is, waits for all of them. Raises SpecError.
    """
    tasks = by_id(swarm)
    made: list[Task] = []
    origins: list[int] = []
    for index, task in enumerate(swarm.tasks):
        copies = list(_Template(swarm, tasks, maps, ("tasks", index), task).copies())
        made += copies
        origins += [index] * len(copies)
    return swarm.model_copy(update={"tasks": tuple(made), "map": {}}), origins


@dataclass
class _Template:
    """A task as written, and what it becomes. A row is None for a task that is not repeated."""

    swarm: Swarm
    tasks: Mapping[str, Task]
    maps: Maps
    at: Loc
    task: Task

    def __post_init__(self) -> None:
        self.references = artifacts_of(self.task, self.tasks)

    def copies(self) -> Iterator[Task]:
        """One for each row; the task itself where it has nothing to do with a map."""
        named = {*self.task.after, *(reference.task for reference in self.references.values())}
        if self.task.each is None and not any(self.tasks[name].each for name in named):
            yield self.task
            return
        written = self._written()
        for row in self.maps[self.task.each] if self.task.each else [None]:
            yield self._copy(written, row)

    def _written(self) -> dict[str, Any]:
        """What does not name other tasks. An agent that says something of the row is each copy's own."""
        task, agent = self.task, agent_of(self.swarm, self.task)
        if isinstance(task.agent, str) and _FIELD.search(agent.model_dump_json()):
            task = task.model_copy(update={"agent": agent})
        ties = {"id", "each", "after", "inputs", "handoffs"}
        return task.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=ties)

    def _copy(self, written: dict[str, Any], row: Row | None) -> Task:
        fields = _filled(self.at, written, row)
        fields["id"] = _copy_of(self.task.id, row)
        fields["after"] = [copy for name in self.task.after for copy in self._named(name, row)]
        fields["handoffs"] = {
            copy: _filled(self.at, handoff.model_dump(mode="json", exclude_defaults=True), row)
            for name, handoff in self.task.handoffs.items()
            for copy in self._named(name, row)
        }
        fields["inputs"] = {
            key: value
            for name, source in self.task.inputs.items()
            for key, value in self._inputs(name, source, row)
        }
        try:
            return Task.model_validate(fields)
        except ValidationError as error:
            raise SpecError([_of_row(self.at, row, error.errors()[0])]) from None

    def _named(self, name: str, row: Row | None) -> list[str]:
        """The tasks that a name stands for."""
        each = self.tasks[name].each
        if each is None:
            return [name]
        return [_copy_of(name, other) for other in ([row] if each == self.task.each else self.maps[each])]

    def _inputs(self, name: str, source: Input, row: Row | None) -> Iterator[tuple[str, dict[str, Any]]]:
        at = (*self.at, "inputs", name)
        written = source.model_dump(exclude_none=True)
        reference = self.references.get(name)
        if reference is None:
            yield name, _filled(at, written, row)
        elif self.tasks[reference.task].each in (None, self.task.each):
            yield name, {**_filled(at, written, row), "artifact": _artifact(reference, row, self.tasks)}
        elif not _FIELD.search(source.to):
            example = f"{source.to.rstrip('/')}/{{row.COLUMN}}"
            message = f"all of {reference.task} would be put at {source.to}; tell them apart, as {example}"
            raise SpecError([SpecProblem((*at, "to"), message)])
        else:
            for other in self.maps[self.tasks[reference.task].each or ""]:
                artifact = _artifact(reference, other, self.tasks)
                yield f"{name}.{other.key}", {**_filled(at, written, other), "artifact": artifact}


def _copy_of(name: str, row: Row | None) -> str:
    return name if row is None else f"{name}.{row.key}"


def _artifact(reference: Reference, row: Row | None, tasks: Mapping[str, Task]) -> str:
    task = _copy_of(reference.task, row) if tasks[reference.task].each else reference.task
    return f"{task}.{reference.output}"


def _filled(at: Loc, value: Any, row: Row | None) -> Any:
    """A copy of the value, with each `{row.COLUMN}` in its texts replaced."""
    if isinstance(value, str) and row is not None:
        return _FIELD.sub(partial(_cell, at, row), value)
    if isinstance(value, list):
        return [_filled(at, item, row) for item in value]
    if isinstance(value, dict):
        return {key: _filled(at, item, row) for key, item in value.items()}
    return value


def _cell(at: Loc, row: Row, match: re.Match[str]) -> str:
    column = match[1].strip()
    if column not in row.values:
        message = f"{row.place}: no column is named {column!r}{suggest(column, row.values)}"
        raise SpecError([SpecProblem(at, message)])
    return row.values[column]


def _of_row(at: Loc, row: Row | None, problem: Mapping[str, Any]) -> SpecProblem:
    place = f"{row.place}: " if row else ""
    return SpecProblem((*at, *problem["loc"]), f"{place}{str(problem['input'])[:60]!r} — {problem['msg']}")
