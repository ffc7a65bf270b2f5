"""Read what people write: a swarm in YAML or in Python, or one that comes with deskswarm."""

from __future__ import annotations

import hashlib
import runpy
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner.compile import expand_templates, in_template, make_templates
from runner.errors import MAX_PROBLEMS, Loc, SpecError, SpecProblem, suggest
from runner.explain import explain
from runner.hooks import describe, importing_from
from runner.local_files import local_file
from runner.named_files import named_files
from runner.named_functions import has_module, named_functions
from runner.spec import ModelPlanner, PythonPlanner, Swarm
from runner.yaml_source import MAX_BYTES, Node, locate, parse_yaml
from sandboxes.errors import InputError

_BUNDLED = Path(__file__).parent / "swarms"


@dataclass(frozen=True)
class LoadedSwarm:
    """A valid swarm, the file it came from, and what that file said."""

    swarm: Swarm
    source: Path
    text: str

    @property
    def folder(self) -> Path:
        """Where the files that the swarm names are."""
        return self.source.parent

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def mark(self, loc: Loc) -> tuple[int | None, int | None]:
        """Line and column of a field, from 1; None where the swarm is not written in YAML."""
        return locate(self._root, loc).node.mark if self._root else (None, None)

    @cached_property
    def _root(self) -> Node | None:
        return None if self.source.suffix == ".py" else parse_yaml(self.text)[0]


def bundled_swarms() -> dict[str, Path]:
    """The swarms that come with deskswarm: name to file."""
    return {path.parent.name: path for path in sorted(_BUNDLED.glob("*/swarm.*"))}


def load_swarm(source: Path | str) -> LoadedSwarm:
    """A swarm from a YAML file, from a Python file that defines `swarm`, or a bundled one by its name.

    A Python file is run: it is the user's own code. Raises SpecError with every problem that was found.
    """
    path = _find(source)
    text = _read(path)
    return LoadedSwarm(_from_python(path) if path.suffix == ".py" else _from_yaml(path, text), path, text)


def _find(source: Path | str) -> Path:
    path, bundled = Path(source), bundled_swarms()
    try:
        if path.is_file():
            return path.absolute()
        if str(source) in bundled:
            return bundled[str(source)]
        kind = "a folder; name the file in it" if path.is_dir() else "no such file"
        if path.exists() and not path.is_dir():
            kind = "not a regular file"
    except (OSError, ValueError) as error:
        raise SpecError([SpecProblem((), f"not a usable path: {error}")]) from None
    raise SpecError([SpecProblem((), kind + suggest(str(source), bundled))], str(source))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError([SpecProblem((), f"not readable: {error.strerror}")], str(path)) from None
    if len(data) > MAX_BYTES:
        message = f"larger than {MAX_BYTES >> 20} MiB; keep data in files beside it, and name them as inputs"
        raise SpecError([SpecProblem((), message, 1, 1)], str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise SpecError([SpecProblem((), message, line, column)], str(path)) from None


# --- YAML -----------------------------------------------------------------------------------------


def _from_yaml(path: Path, text: str) -> Swarm:
    try:
        root, problems = parse_yaml(text)
    except SpecError as error:
        raise SpecError(error.problems, str(path)) from None
    try:
        swarm = Swarm.model_validate(root.data())
    except ValidationError as error:
        problems += explain(error, root)
    else:
        problems += [_placed(problem, root) for problem in _beyond_the_models(swarm, path.parent)]
        if not problems:
            return swarm
    raise SpecError(_first_of_each_place(problems), str(path))


def _placed(problem: SpecProblem, root: Node) -> SpecProblem:
    mark = locate(root, problem.loc).node.mark
    return replace(problem, line=mark.line, column=mark.column)


def _first_of_each_place(problems: list[SpecProblem]) -> list[SpecProblem]:
    """In the order of the text. What YAML makes of a value comes before what the model made of that."""
    places: dict[Any, SpecProblem] = {}
    for problem in problems:
        missing = problem.loc if problem.message == "missing" else None
        places.setdefault((problem.line, problem.column, missing), problem)
    return sorted(places.values(), key=lambda problem: (problem.line or 0, problem.column or 0))[
        :MAX_PROBLEMS
    ]


# --- Python ---------------------------------------------------------------------------------------


def _from_python(path: Path) -> Swarm:
    swarm = _run(path).get("swarm")
    if not isinstance(swarm, Swarm):
        found = "defines no `swarm`" if swarm is None else f"`swarm` is a {type(swarm).__name__}"
        raise SpecError([SpecProblem((), f"{found}; write `swarm = Swarm(name=..., tasks=...)`")], str(path))
    if problems := list(_beyond_the_models(swarm, path.parent)):
        raise SpecError(problems, str(path))
    return swarm


def _run(path: Path) -> dict[str, Any]:
    """What the file defines. Whatever its code raises becomes a SpecError at the line of the file."""
    try:
        with importing_from(path.parent):
            return runpy.run_path(str(path))
    except ValidationError as error:
        line = _line_in(path, error)
        raise SpecError([replace(one, line=line) for one in explain(error)], str(path)) from error
    except SyntaxError as error:
        line = error.lineno if error.filename == str(path) else _line_in(path, error)
        raise SpecError([SpecProblem((), f"not Python: {error.msg}", line)], str(path)) from error
    except (Exception, SystemExit) as error:  # the user's own code
        raise SpecError([SpecProblem((), describe(error), _line_in(path, error))], str(path)) from error


def _line_in(path: Path, error: BaseException) -> int | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


# --- what the models cannot see ---------------------------------------------------------------------


def _beyond_the_models(swarm: Swarm, folder: Path) -> Iterator[SpecProblem]:
    """Tasks that code makes are looked at when they are made, which is once, for the run."""
    if isinstance(swarm.planner, PythonPlanner | ModelPlanner):
        return
    origins: list[int] = []
    try:
        swarm, origins = expand_templates(make_templates(swarm, folder))
    except SpecError as error:
        yield from _told_of_the_planner(error) if error.source else error.problems
    yield from _missing_files(swarm, origins, folder)


def _told_of_the_planner(error: SpecError) -> Iterator[SpecProblem]:
    for line in str(error).splitlines():
        yield SpecProblem(("planner",), line)


def _missing_files(swarm: Swarm, origins: Sequence[int], folder: Path) -> Iterator[SpecProblem]:
    for loc, name in named_files(swarm):
        if "{row." in name:  # where it cannot be known what it stands for
            continue
        try:
            local_file(folder, name)
        except InputError as error:
            yield SpecProblem(in_template(loc, origins), str(error))
    for loc, name in named_functions(swarm):
        if not has_module(name, folder):
            module = name.partition(":")[0]
            message = f"'{name}' — no {module}.py beside the swarm file, and no such module"
            yield SpecProblem(in_template(loc, origins), message)
