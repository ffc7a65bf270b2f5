"""Events of a run that never was, as a run would have journaled them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.agents.base import Usage
from runner.artifacts import sha256
from runner.compile import compile_swarm
from runner.events import (
    ActIntended,
    AttemptEnded,
    AttemptStarted,
    CheckpointTaken,
    DesktopLeased,
    Event,
    Finding,
    Kept,
    OutputKept,
    RunStarted,
    TaskEnded,
    VerdictGiven,
)
from runner.spec import Swarm

_DIGEST = sha256(b"")
_NOBODY = "1:1:00000000-0000-0000-0000-000000000000"


def begun(tasks: int) -> RunStarted:
    """The first event of a run whose controller is dead."""
    agent = {"kind": "script", "steps": [{"press": "ctrl+s"}]}
    written = [{"id": f"t{number}", "instruction": "x", "agent": "a"} for number in range(tasks)]
    swarm = Swarm.model_validate({"name": "story", "agents": {"a": agent}, "tasks": written})
    compiled = compile_swarm(swarm, Path())
    return RunStarted(
        swarm=compiled.swarm, plan=compiled.plan, backend="simulated", controller=_NOBODY, folder="/"
    )


def steps_of(task: str, steps: int) -> Iterator[Event]:
    for step in range(steps):
        yield ActIntended(task=task, attempt=1, step=step, action=0, does="press")
        yield CheckpointTaken(
            task=task,
            attempt=1,
            step=step,
            sha256=_DIGEST,
            screenshot=_DIGEST,
            say="act",
            executed=1,
            usage=Usage(tokens=100),
        )


def task_of(task: str, steps: int) -> Iterator[Event]:
    """A task from its start to its end: 6 events, and 2 for each step."""
    yield AttemptStarted(task=task, attempt=1)
    yield DesktopLeased(task=task, attempt=1, desktop=f"d-{task}", epoch=1)
    yield from steps_of(task, steps)
    kept = Kept(name="note", path="~/note.txt", sha256=_DIGEST, bytes=100)
    yield OutputKept(task=task, attempt=1, file=kept)
    finding = Finding(subject="output note", output="note", ok=True, detail="~/note.txt: 100 bytes")
    yield VerdictGiven(task=task, attempt=1, passed=True, findings=(finding,), outputs={"note": _DIGEST})
    usage = Usage(tokens=100 * steps)
    yield AttemptEnded(task=task, attempt=1, status="succeeded", steps=steps, usage=usage)
    yield TaskEnded(task=task, status="succeeded")
