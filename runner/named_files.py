"""The files beside a swarm that it names, and the field that names each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.checks.spec import Image, PydanticCheck, Python
from runner.errors import Loc
from runner.hooks import module_file
from runner.spec import AgentSpec, ProcessAgent, PydanticModel, Swarm, Task


def named_files(swarm: Swarm) -> Iterator[tuple[Loc, str]]:
    """What must be there for the swarm to run."""
    for name, agent in swarm.agents.items():
        yield from _program(("agents", name), agent)
    for index, task in enumerate(swarm.tasks):
        yield from files_of(task, ("tasks", index))


def files_of(task: Task, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    if not isinstance(task.agent, str):
        yield from _program((*loc, "agent"), task.agent)
    for name, source in task.inputs.items():
        if source.file is not None:
            yield (*loc, "inputs", name, "file"), source.file
    for index, check in enumerate(task.checks):
        if isinstance(check, Image):
            yield (*loc, "checks", index, "like"), check.like
        if isinstance(check, Python):
            yield (*loc, "checks", index, "function"), check.function.rpartition(":")[0]


def _program(loc: Loc, agent: AgentSpec) -> Iterator[tuple[Loc, str]]:
    """An agent's program, where it is a relative path; a bare word is looked up in PATH."""
    if isinstance(agent, ProcessAgent) and "/" in agent.command[0] and not agent.command[0].startswith("/"):
        yield (*loc, "command", 0), agent.command[0]


def code_of(task: Task, agent: AgentSpec, folder: Path) -> Iterator[str]:
    """Programs and modules that lie beside the swarm and have a hand in what a task leaves behind."""
    judges = task.judges.panel if task.judges else ()
    commands = [judge.command for judge in judges if judge.command]
    if isinstance(agent, ProcessAgent):
        commands.append(agent.command)
    yield from (word for command in commands for word in command if _lies_in(folder, word))
    schemas = (output.schema_ for output in task.outputs.values())
    hooks = [
        *(judge.python for judge in judges if judge.python),
        *(schema.python for schema in schemas if isinstance(schema, PydanticModel)),
        *(check.model for check in task.checks if isinstance(check, PydanticCheck)),
    ]
    for name in hooks:
        module = module_file(name, folder)
        if module.is_file():
            yield module.relative_to(folder).as_posix()


def _lies_in(folder: Path, word: str) -> bool:
    try:
        path = (folder / word).resolve()
        return path.is_file() and path.is_relative_to(folder.resolve())
    except (OSError, ValueError):  # too long, a NUL
        return False
