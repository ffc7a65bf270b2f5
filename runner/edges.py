"""The edges of a plan: what goes from one task to the next, and the contract it is under."""

from __future__ import annotations

from collections.abc import Iterator

from runner.checks.spec import Check
from runner.graph import artifacts_of, by_id, needs_of
from runner.rules import Handoff, HandoffMode
from runner.spec import Output, Swarm, Task
from sandboxes.spec import Model, Name


class Edge(Model):
    """`target` starts once `source` has passed all of `contract`, and is given `artifacts` of it."""

    source: Name
    target: Name
    artifacts: tuple[Name, ...]
    contract: tuple[str, ...]
    mode: HandoffMode
    brief_tokens: int


def edges_of(swarm: Swarm) -> Iterator[Edge]:
    """In the order of the tasks that wait."""
    tasks = by_id(swarm)
    for task in swarm.tasks:
        references = artifacts_of(task, tasks).values()
        for need in needs_of(task, tasks):
            handoff = task.handoffs.get(need, Handoff())
            artifacts = tuple(dict.fromkeys(one.output for one in references if one.task == need))
            yield Edge(
                source=need,
                target=task.id,
                artifacts=artifacts,
                contract=tuple(contract_of(tasks[need], artifacts)),
                mode=handoff.mode,
                brief_tokens=handoff.max_tokens,
            )


def contract_of(task: Task, artifacts: tuple[str, ...] = ()) -> Iterator[str]:
    """What is asked of a task before anything of it is handed on; of its outputs only what these are."""
    for name in artifacts or task.outputs:
        yield from _of_output(name, task.outputs[name])
    for check in task.checks:
        yield f"{check.check} {path_of(check) or ''}".rstrip()
    if task.judges:
        yield f"{len(task.judges.panel)} judges"


def _of_output(name: str, output: Output) -> Iterator[str]:
    if output.schema_ is not None:
        yield f"schema of {name}"
    if output.max_tokens is not None:
        yield f"{name} of at most {output.max_tokens} tokens"


def path_of(check: Check) -> str | None:
    """The file a check reads, if it reads one."""
    return getattr(check, "path", None)
