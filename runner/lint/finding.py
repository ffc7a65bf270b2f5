"""What lint says, and what its rules look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal

from runner.compile import Templates
from runner.errors import Loc
from runner.graph import agent_of, by_id, needs
from runner.patterns import BRIEFING
from runner.rules import Handoff
from runner.spec import PersonAgent, ScriptAgent, Swarm, Task

Severity = Literal["error", "warning", "advice"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to change: where, why, and how. `error`: it will go wrong. `warning`: it can, and unseen."""

    rule: str
    severity: Severity
    loc: Loc
    message: str
    fix: str


@dataclass(frozen=True)
class Subject:
    """A swarm as every rule sees it: its pattern written out, a task that is repeated there once."""

    written: Swarm
    templates: Templates
    folder: Path

    @property
    def swarm(self) -> Swarm:
        return self.templates.swarm

    @cached_property
    def tasks(self) -> dict[str, Task]:
        return by_id(self.swarm)

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        return needs(self.swarm)

    @cached_property
    def dependants(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in self.tasks}
        for task, before in self.needs.items():
            for need in before:
                found[need].append(task)
        return found

    @cached_property
    def in_order(self) -> list[str]:
        """Every task behind all it needs."""
        return list(TopologicalSorter(self.needs).static_order())

    def place(self, task: str, *field: str | int) -> Loc:
        """Where a task is written; the half of a lead that its pattern adds is written with the lead."""
        ids = {one.id: index for index, one in enumerate(self.written.tasks)}
        own = task if task in ids else task.removesuffix(BRIEFING)
        return ("tasks", ids[own], *field) if own in ids else ("planner",)

    def waited_for(self, task: str) -> set[str]:
        """All that a task waits for, however far up."""
        found: set[str] = set()
        pending = [task]
        while pending:
            new = set(self.needs[pending.pop()]) - found
            found |= new
            pending += new
        return found

    def handoff(self, source: str, target: str) -> Handoff:
        return self.tasks[target].handoffs.get(source, Handoff())

    def asks_a_model(self, task: Task) -> bool:
        """A program may be backed by a model; a script or a person is not."""
        return not isinstance(agent_of(self.swarm, task), ScriptAgent | PersonAgent)


def listed(names: Sequence[str]) -> str:
    """`a, b and c`; of many, the first few."""
    if len(names) > 5:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
