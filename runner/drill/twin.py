"""The simulated twin of a plan: the same tasks, handoffs, contracts and policies, with the work played.

On a simulated desktop there is no application that a script could use. So each agent types a word for each
step of its script, and leaves outputs that were made up to meet what is asked of them. What cannot be made up
is asked for by a check that stands in: a drill is about whether somebody looks, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.agents.base import Act, Decision, Done, PlainAgent, View
from runner.checks.evidence import Ran
from runner.checks.judge import judge
from runner.checks.result import CheckResult
from runner.checks.spec import Check, Command, FileExists, Image, Python, TextCheck, Tree
from runner.drill.contents import asks_for_code, make_content
from runner.drill.rehearsal import Rehearsal, without_people
from runner.edges import path_of
from runner.graph import agent_of
from runner.local_files import local_file
from runner.monitors.spec import Allow
from runner.schemas import judge_schema
from runner.spec import Output, ScriptAgent, Swarm, Task
from runner.validator import same_path
from sandboxes.errors import GuestError
from sandboxes.guest.protocol import Window
from sandboxes.observation import UiTree
from sandboxes.spec import DesktopSpec, Screen

_STEPS = ("look", "work", "save", "look", "work")
_SMALL = Screen(width=640, height=480)


class Player(PlainAgent):
    """Plays the agent of a task."""

    def __init__(self, task: str, steps: Sequence[str]) -> None:
        self._task = task
        self._steps = steps
        self._done = 0

    async def decide(self, view: View) -> Decision:
        self._done += 1
        if self._done > len(self._steps):
            return Done(brief=f"{self._task} is done.", read=tuple(view.inputs))
        typed = {"do": "type", "text": f"{self._steps[self._done - 1]} "}
        return Act.model_validate({"actions": [typed]})


def steps_of(swarm: Swarm, task: Task) -> tuple[str, ...]:
    """A word for each of the first few steps of a script, and at least three where the budget has so many."""
    agent = agent_of(swarm, task)
    words = tuple(step.do for step in agent.steps) if isinstance(agent, ScriptAgent) else _STEPS
    count = max(3, min(len(words), len(_STEPS)))
    return (words + _STEPS)[: min(count, task.budget.steps)]


async def make_twin(swarm: Swarm, folder: Path) -> Rehearsal:
    """The twin of a compiled swarm. Raises InputError where a file beside it is gone."""
    twin = Rehearsal(without_people(swarm), folder, played=True).noted(
        "the work is played on simulated desktops: each agent types a few words, and leaves files that "
        "were made up to meet what is asked of them"
    )
    for task in swarm.tasks:
        twin = await _with_twin_of(twin, twin.task(task.id))
    return twin


async def _with_twin_of(twin: Rehearsal, task: Task) -> Rehearsal:
    made = _MadeUp(twin.folder, {})
    for output in task.outputs.values():
        made.files[output.path] = _content(output, task, twin.folder)
    kept, stand_ins = await _checks(task, made)
    outputs = {name: await _output(output, made) for name, output in task.outputs.items()}
    replaced = [name for name, output in outputs.items() if output != task.outputs[name]]
    stand_ins += [_stands_in(task.outputs[name].path, made) for name in replaced]
    if task.judges and task.outputs:
        stand_ins.append(_stands_in(next(iter(task.outputs.values())).path, made))
    for what in _missing(task, len(task.checks) - len(kept), len(replaced)):
        twin = twin.noted(f"{task.id}: {what}")
    return _with_leaves(twin, task, made).with_task(
        task.id,
        outputs=outputs,
        checks=(*kept, *dict.fromkeys(stand_ins)),
        judges=None,
        allow=Allow(),
        monitors=task.monitors.model_copy(update={"own": ()}),
        desktop=DesktopSpec(image=task.desktop.image, screen=_SMALL),
        handoffs={
            name: one.model_copy(update={"mode": "fresh"}) if one.mode == "fork" else one
            for name, one in task.handoffs.items()
        },
    )


def _with_leaves(twin: Rehearsal, task: Task, made: _MadeUp) -> Rehearsal:
    return replace(twin, leaves={**twin.leaves, task.id: made.files})


def _missing(task: Task, checks: int, schemas: int) -> Iterator[str]:
    """What is not as the plan says."""
    if checks:
        yield f"{checks} checks need a real desktop, or cannot be met by a made-up file; others stand in"
    if schemas:
        yield f"{schemas} schemas cannot be met by a made-up file; checks stand in"
    if task.judges:
        yield "its judges are not asked; a check stands in"
    if task.allow != Allow():
        yield "its allow-list is left out: simulated desktops have other applications"
    if task.monitors.own:
        yield "its own monitors are left out"
    if any(one.mode == "fork" for one in task.handoffs.values()):
        yield "it starts on a fresh desktop: simulated ones cannot be forked"


@dataclass(frozen=True, slots=True)
class _MadeUp:
    """Made-up files, as evidence that checks can look at."""

    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)

    async def read(self, path: str, max_bytes: int) -> bytes | None:
        return self.at(path)

    async def run(self, argv: Sequence[str], timeout: float) -> Ran:
        raise GuestError("nothing runs here")

    async def tree(self) -> UiTree:
        raise GuestError("nothing is shown here")

    async def windows(self) -> Sequence[Window]:
        raise GuestError("nothing is shown here")

    def at(self, path: str) -> bytes | None:
        return next((data for name, data in self.files.items() if same_path(name, path)), None)


def _content(output: Output, task: Task, folder: Path) -> bytes:
    checks = [check for check in task.checks if same_path(path_of(check) or "", output.path)]
    for check in checks:
        if isinstance(check, Image):
            return local_file(folder, check.like).read_bytes()
    return make_content(output, checks, f"{task.id}: made up for a drill")


async def _checks(task: Task, made: _MadeUp) -> tuple[list[Check], list[Check]]:
    """The checks that the made-up files pass, and those that stand in for the others."""
    kept: list[Check] = []
    stand_ins: list[Check] = []
    for check in task.checks:
        if (await _judge(check, made)).ok:
            kept.append(check)
        else:
            stand_ins += [_stands_in(path, made) for path in _paths(check, task) if made.at(path) is not None]
    return kept, stand_ins


async def _judge(check: Check, made: _MadeUp) -> CheckResult:
    if isinstance(check, Command | Tree | Python):
        return CheckResult(ok=False, detail="needs a real desktop")
    return await judge(check, made)


def _paths(check: Check, task: Task) -> Sequence[str]:
    """What a check looks at; all outputs where it does not say."""
    if isinstance(check, Python):
        return check.paths
    path = path_of(check)
    return [path] if path else [output.path for output in task.outputs.values()]


async def _output(output: Output, made: _MadeUp) -> Output:
    """Without its schema where the made-up file does not meet that."""
    if output.schema_ is None:
        return output
    content = made.files[output.path]
    if not asks_for_code(output) and (await judge_schema(output.schema_, output.path, content, made)).ok:
        return output
    return output.model_copy(update={"schema_": None})


def _stands_in(path: str, made: _MadeUp) -> Check:
    """Asks for what was made up: for its text, or for as many bytes."""
    content = made.at(path) or b""
    try:
        lines = content.decode().splitlines()[:1]
    except UnicodeDecodeError:
        lines = []
    if not lines:
        return FileExists(check="file_exists", path=path, min_bytes=len(content))
    return TextCheck(check="text", path=path, contains=tuple(lines))
