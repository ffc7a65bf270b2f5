"""The copy of a plan that a drill runs: the plan as written, but for what is noted."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.graph import by_id, needs
from runner.rules import Escalation
from runner.spec import Output, Swarm, Task

ANSWER_S = 0.4
"""The time a contact has to answer a question: in a drill, nobody does."""

RECORD = "drill-record"
RECEIVER = "drill-receiver"
_RECORD_PATH = f"~/{RECORD}.json"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`leaves` has, by task, the files put on its desktop when its agent is done, by path. `played` says that
    the tasks' work is played on simulated desktops, so that the same bytes come of it every time."""

    swarm: Swarm
    folder: Path
    played: bool = False
    leaves: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def task(self, name: str) -> Task:
        return by_id(self.swarm)[name]

    def noted(self, note: str) -> Rehearsal:
        return replace(self, notes=(*self.notes, note))

    def with_swarm(self, **fields: Any) -> Rehearsal:
        return replace(self, swarm=self.swarm.model_copy(update=fields))

    def with_task(self, name: str, **fields: Any) -> Rehearsal:
        changed = (task.model_copy(update=fields) if task.id == name else task for task in self.swarm.tasks)
        return self.with_swarm(tasks=tuple(changed))

    def with_record(self, name: str) -> Rehearsal:
        """One more output for a task, which has a schema, and which its agent leaves behind."""
        schema = {
            "type": "object",
            "required": ["task", "done"],
            "properties": {"task": {"const": name}, "done": {"type": "boolean"}},
        }
        record = Output.model_validate({"path": _RECORD_PATH, "schema": schema})
        left = {**self.leaves.get(name, {}), _RECORD_PATH: json.dumps({"task": name, "done": True}).encode()}
        with_output = self.with_task(name, outputs={**self.task(name).outputs, RECORD: record})
        return replace(with_output, leaves={**self.leaves, name: left}).noted(
            f"{name} has one more output, {RECORD}, with a schema"
        )

    def with_receiver(self, name: str) -> Rehearsal:
        """One more task, which needs this one and hands nothing on."""
        agent = {"kind": "script", "steps": [{"press": "Escape"}]}
        desktop = self.task(name).desktop
        told = {"id": RECEIVER, "instruction": "Read the brief.", "agent": agent, "after": [name]}
        receiver = Task.model_validate({**told, "desktop": desktop})
        return self.with_swarm(tasks=(*self.swarm.tasks, receiver)).noted(
            f"there is one more task, {RECEIVER}, which {name} hands on to"
        )

    def pick(
        self, suits: Callable[[Task], bool] = lambda _: True, weak: Callable[[Task], bool] = lambda _: False
    ) -> Task | None:
        """The task to hurt: where the plan is weakest, then one that others need, then the first."""
        needed = {need for found in needs(self.swarm).values() for need in found}
        found = [task for task in self.swarm.tasks if suits(task)]
        return min(found, key=lambda task: (not weak(task), task.id not in needed), default=None)


def without_people(swarm: Swarm) -> Swarm:
    """Nobody is told of a drill, nor waited for, and no desktop outlives it."""
    tasks = (
        task if task.escalate is None else task.model_copy(update={"escalate": _hushed(task.escalate)})
        for task in swarm.tasks
    )
    changes = {"escalate": _hushed(swarm.escalate), "tasks": tuple(tasks), "outlive_s": None}
    return swarm.model_copy(update=changes)


def _hushed(escalation: Escalation) -> Escalation:
    path = (one.model_copy(update={"within_s": ANSWER_S, "post": None}) for one in escalation.path)
    return escalation.model_copy(update={"path": tuple(path)})


def outputs_of_its_own(task: Task) -> tuple[str, ...]:
    """The outputs at whose path no input lies before the agent begins."""
    given = {posixpath.normpath(one.to) for one in task.inputs.values()}
    return tuple(name for name, one in task.outputs.items() if posixpath.normpath(one.path) not in given)
