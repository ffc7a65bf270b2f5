"""The functions and classes of the user's own that tasks name, and whether their modules are there.

Nothing is imported to find out: a judge may take long to import, and belongs to a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from runner.checks.spec import PydanticCheck
from runner.errors import Loc
from runner.hooks import module_file
from runner.spec import PydanticModel, Swarm, Task


def named_functions(swarm: Swarm) -> Iterator[tuple[Loc, str]]:
    for index, task in enumerate(swarm.tasks):
        yield from _of_task(task, ("tasks", index))


def has_module(name: str, folder: Path) -> bool:
    """Whether the module of `module:function` lies beside the swarm file or is installed."""
    top = name.partition(":")[0].partition(".")[0]
    return module_file(name, folder).is_file() or find_spec(top) is not None


def _of_task(task: Task, loc: Loc) -> Iterator[tuple[Loc, str]]:
    for number, own in enumerate(task.monitors.own):
        yield (*loc, "monitors", "own", number, "python"), own.python
    for number, judge in enumerate(task.judges.panel if task.judges else ()):
        if judge.python is not None:
            yield (*loc, "judges", "panel", number, "python"), judge.python
    for name, output in task.outputs.items():
        if isinstance(output.schema_, PydanticModel):
            yield (*loc, "outputs", name, "schema", "python"), output.schema_.python
    for number, check in enumerate(task.checks):
        if isinstance(check, PydanticCheck):
            yield (*loc, "checks", number, "model"), check.model
