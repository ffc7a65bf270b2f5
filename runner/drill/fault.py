"""A fault: how it is set going, and what in the journal proves that the safeguard meant for it caught it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runner.drill.rehearsal import RECORD, Rehearsal
from runner.drill.stage import Sabotage, Scene
from runner.events import AttemptEnded, Event, VerdictGiven
from runner.spec import Output, Task

Proof = Callable[[Event], bool]
"""Whether an event of the hurt attempt says that the safeguard has caught it."""


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The run without a fault: what it left, by task and output, and how long the tasks took, in seconds."""

    outputs: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    took_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """`kills` says that the sabotage is the end of the controller's process."""

    name: str
    safeguard: str
    scene: Callable[[Rehearsal, Undisturbed], Scene]
    sabotage: Sabotage
    proof: Proof
    kills: bool = False


def ended(kind: str, *causes: str) -> Proof:
    """The attempt failed with this kind and one of these causes."""
    return lambda event: isinstance(event, AttemptEnded) and event.failure == kind and event.cause in causes


def found(*causes: str) -> Proof:
    """The validator found one of these, and did not let the work pass."""
    return lambda event: (
        isinstance(event, VerdictGiven)
        and not event.passed
        and any(not finding.ok and finding.cause in causes for finding in event.findings)
    )


def anywhere(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    task = rehearsal.pick()
    assert task is not None, "a swarm has a task"
    return Scene(rehearsal, task.id)


def with_outputs(
    rehearsal: Rehearsal,
    choose: Callable[[Task], tuple[str, ...]],
    weak: Callable[[Task], bool] = lambda _: False,
) -> Scene:
    """The scene of a fault that is about outputs. Where no task has such, one is given one."""
    task = rehearsal.pick(lambda task: bool(choose(task)), weak)
    if task is not None:
        return Scene(rehearsal, task.id, choose(task))
    anyone = rehearsal.pick()
    assert anyone is not None, "a swarm has a task"
    return Scene(rehearsal.with_record(anyone.id), anyone.id, (RECORD,))


def content_of(scene: Scene, output: str, undisturbed: Undisturbed) -> bytes:
    """What the output holds where nothing goes wrong."""
    path = scene.task.outputs[output].path
    left = scene.rehearsal.leaves.get(scene.target, {})
    return left[path] if path in left else undisturbed.outputs[scene.target][output]


def has_json_schema(output: Output) -> bool:
    return isinstance(output.schema_, dict)
