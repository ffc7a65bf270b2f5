"""What a planner may answer with, and what a model is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from runner.checks.spec import (
    Cells,
    Command,
    Document,
    FileExists,
    Image,
    JsonCheck,
    JsonSchema,
    Pdf,
    TextCheck,
    Tree,
)
from runner.errors import SpecProblem
from runner.spec import Budget, DesktopPath, Input, Swarm, Task
from sandboxes.spec import Model, Name


class Proposal(Model):
    """The tasks of a swarm, and nothing else of it."""

    tasks: tuple[Task, ...] = Field(min_length=1, max_length=100_000)


class ModelOutput(Model):
    model_config = ConfigDict(serialize_by_alias=True)

    path: DesktopPath
    schema_: JsonSchema | None = Field(default=None, alias="schema")
    max_tokens: int | None = Field(default=None, ge=1, le=100_000)


ModelCheck = Annotated[
    FileExists | TextCheck | JsonCheck | Cells | Document | Pdf | Image | Command | Tree,
    Field(discriminator="check"),
]


class ModelTask(Model):
    """As a model may propose it: by an agent the swarm has, without code that runs outside a desktop."""

    id: Name
    instruction: str = Field(min_length=1, max_length=20_000)
    agent: Name
    after: tuple[Name, ...] = ()
    each: Name | None = None
    reports_to: Name | None = None
    inputs: dict[Name, Input] = Field(default_factory=dict)
    outputs: dict[Name, ModelOutput] = Field(default_factory=dict)
    checks: tuple[ModelCheck, ...] = ()
    budget: Budget = Budget()
    locks: tuple[Name, ...] = ()


class ModelProposal(Model):
    tasks: tuple[ModelTask, ...] = Field(min_length=1, max_length=1000)

    def as_tasks(self) -> list[Task]:
        return [
            Task.model_validate(task.model_dump(by_alias=True, exclude_defaults=True)) for task in self.tasks
        ]


def ask_for_proposal(swarm: Swarm, goal: str, schema: Mapping[str, Any]) -> str:
    """The prompt that asks a model for tasks."""
    means = {"pipeline": _PIPELINE, "swarm": _SWARM, "hierarchy": _HIERARCHY}[swarm.pattern]
    names: dict[str, Iterable[str]] = {"agents": swarm.agents, "maps": swarm.map, "locks": swarm.locks}
    given = "\n".join(f"{kind}: {', '.join(known) or 'none'}" for kind, known in names.items())
    return (
        f"{goal}\n\nSplit this into tasks. Each is done by one agent on a desktop of its own; an agent "
        f"sees only its instruction and its inputs. {means}\n{given}\n\nAnswer with one JSON object and "
        f"nothing else. It must fit this JSON Schema:\n{json.dumps(schema)}"
    )


_PIPELINE = (
    "They run one after the other, as listed; each but the last needs checks or an output with a schema."
)
_SWARM = "They run side by side, but for those that name others in `after` or take their outputs as inputs."
_HIERARCHY = "Specialists name their lead in `reports_to`; the lead briefs them and gets their reports."


def ask_again(prompt: str, answer: object, problems: Sequence[SpecProblem]) -> str:
    """The same question, with the answer that did not do and why."""
    wrong = "\n".join(f"- {problem}" for problem in problems)
    return f"{prompt}\n\nYour last answer was:\n{str(answer)[:20_000]}\n\nIt cannot be used:\n{wrong}"
