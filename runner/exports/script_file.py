"""A script as a swarm file of one task, with the files it needs beside it: `deskswarm run` does it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.artifacts import ArtifactStore
from runner.events import Kept
from runner.exports.recording import Recording
from runner.exports.script_yaml import swarm_text
from runner.exports.steps import Script
from runner.graph import agent_of
from runner.local_files import local_file
from runner.named_files import code_of, files_of
from runner.spec import Input, ScriptAgent, Task
from sandboxes.errors import InputError

FILE_NAME = "swarm.yaml"
_MAX_STEPS = 2000
_SPARE_STEPS = 10
# What a task is by itself: not whom it waits for, hands on to, or shares locks and budgets with.
_ITS_OWN = frozenset(
    {
        "id", "instruction", "desktop", "outputs", "checks", "judges", "allow", "monitors", "budget",
        "secrets", "redact",
    }
)  # fmt: skip
_OF_ITS_SWARM = {"name", "secrets"}


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """`files` go beside it, by their names; `missing` are named by it and are not to be had."""

    text: str
    files: Mapping[str, bytes]
    missing: tuple[str, ...]


def script_file(recording: Recording, script: Script, store: ArtifactStore) -> ScriptFile:
    """Raises InputError where no script can be made of the session, InfraError where it cannot be read."""
    _check(recording, script)
    inputs = {name: _input_name(kept) for name, kept in recording.attempt.inputs.items()}
    task = _task(recording, script, inputs)
    files = {inputs[name]: store.get(kept.sha256) for name, kept in recording.attempt.inputs.items()}
    named, missing = _files_beside(recording, task)
    run, number = recording.run, recording.attempt.number
    about = f"Made by `deskswarm export script` from attempt {number} at {task.id} of {run.id}."
    swarm = run.swarm.model_dump(mode="json", include=_OF_ITS_SWARM, exclude_defaults=True)
    text = swarm_text(swarm, task, script.steps, about)
    return ScriptFile(text, {**named, **files}, missing)


def _check(recording: Recording, script: Script) -> None:
    what = f"task: attempt {recording.attempt.number} at {recording.task.id!r}"
    if not script.steps:
        raise InputError(f"{what} did nothing that succeeded")
    if len(script.steps) > _MAX_STEPS:
        raise InputError(f"{what} makes {len(script.steps)} steps; a script takes {_MAX_STEPS}")


def _task(recording: Recording, script: Script, inputs: Mapping[str, str]) -> Task:
    """The task without the others of its swarm: its inputs are files now, as they were then."""
    task = recording.task
    steps = max(task.budget.steps, len(script.steps) + _SPARE_STEPS)
    own = {name: getattr(task, name) for name in _ITS_OWN & task.model_fields_set}
    own |= {
        "inputs": {name: Input(file=file, to=task.inputs[name].to) for name, file in inputs.items()},
        "budget": task.budget.model_copy(update={"steps": steps}),
        "agent": ScriptAgent(kind="script", steps=tuple(step.action for step in script.steps)),
    }
    return Task(**own)


def _input_name(kept: Kept) -> str:
    ending = PurePosixPath(kept.path).suffix
    return f"inputs/{kept.name}{ending if re.fullmatch(r'[.][A-Za-z0-9]{1,10}', ending) else ''}"


def _files_beside(recording: Recording, task: Task) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """What checks and judges name beside the swarm file; and what of that is not there any more.

    The folder of an imported run was one of another machine: nothing is taken from this one for it.
    """
    run, folder = recording.run, Path(recording.run.folder)
    own = task.model_copy(update={"inputs": {}})
    agent = agent_of(run.swarm, own)
    names = [*(name for _, name in files_of(own)), *code_of(own, agent, folder)]
    found: dict[str, bytes] = {}
    for name in () if run.imported else names:
        with suppress(InputError):
            if ".." not in PurePosixPath(name).parts:  # it will lie below another folder
                found[name] = local_file(folder, name).read_bytes()
    return found, tuple(name for name in names if name not in found)
