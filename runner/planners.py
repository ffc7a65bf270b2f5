"""Where tasks come from, if not from the swarm file: another file, a function, a model. Asked once a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner.errors import SpecError, SpecProblem
from runner.explain import explain
from runner.hooks import describe, load_function
from runner.local_files import local_file
from runner.patterns import apply_pattern
from runner.problems import problems_of
from runner.proposals import ModelProposal, Proposal, ask_again, ask_for_proposal
from runner.spec import FilePlanner, ModelPlanner, Planner, PythonPlanner, Swarm, Task
from runner.yaml_source import MAX_BYTES, parse_yaml
from sandboxes.errors import InputError


def ask_planner(swarm: Swarm, folder: Path) -> Swarm:
    """The swarm with the tasks its planner proposes; itself, where it has its own. Raises SpecError."""
    match swarm.planner:
        case None:
            return swarm
        case FilePlanner(path=path):
            return _with(swarm, _from_file(path, folder))
        case PythonPlanner(function=name):
            answer = _call(name, folder, swarm)
            return _with(swarm, _proposed(answer if isinstance(answer, dict) else {"tasks": answer}, name))
        case ModelPlanner() as planner:
            return _from_model(swarm, planner, folder)


def name_of(planner: Planner | None) -> str:
    """In two words, for people."""
    match planner:
        case None:
            return ""
        case FilePlanner(path=path):
            return f"file {path}"
        case PythonPlanner(function=name):
            return f"function {name}"
        case ModelPlanner(function=name):
            return f"model {name}"


def _with(swarm: Swarm, tasks: Sequence[Task]) -> Swarm:
    return swarm.model_copy(update={"tasks": tuple(tasks), "planner": None})


def _from_file(path: str, folder: Path) -> tuple[Task, ...]:
    try:
        data = local_file(folder, path).read_bytes()
        if len(data) > MAX_BYTES:
            raise InputError(f"'{path}' — larger than {MAX_BYTES >> 20} MiB")
        text = data.decode()
    except UnicodeDecodeError:
        raise _at_planner("path", f"'{path}' — not UTF-8; save the file as UTF-8") from None
    except InputError as error:
        raise _at_planner("path", str(error)) from None
    root, problems = parse_yaml(text)
    if problems:
        raise SpecError(problems, path)
    try:
        return Proposal.model_validate(root.data()).tasks
    except ValidationError as error:
        raise SpecError(explain(error, root, Proposal), path) from None


def _proposed(answer: Any, name: str) -> tuple[Task, ...]:
    try:
        return Proposal.model_validate(answer).tasks
    except ValidationError as error:
        raise SpecError(explain(error, model=Proposal), name) from None


def _from_model(swarm: Swarm, planner: ModelPlanner, folder: Path) -> Swarm:
    """Asked again with what was wrong, until an answer fits or the tries are used up."""
    schema = ModelProposal.model_json_schema(by_alias=True)
    prompt = first = ask_for_proposal(swarm, planner.goal, schema)
    problems: Sequence[SpecProblem] = ()
    for _ in range(planner.tries):
        answer = _call(planner.function, folder, prompt, schema)
        try:
            return _fitting(swarm, answer)
        except SpecError as error:
            problems = error.problems
            prompt = ask_again(first, answer, problems)
    raise SpecError(problems, f"{planner.function}, after {planner.tries} answers")


def _fitting(swarm: Swarm, answer: Any) -> Swarm:
    """The swarm as a model proposes it. Raises SpecError where the answer makes no plan."""
    if not isinstance(answer, str) or len(answer) > MAX_BYTES:
        kind = "too long" if isinstance(answer, str) else type(answer).__name__
        raise SpecError(
            [SpecProblem((), f"the answer is {kind}; JSON text of at most {MAX_BYTES} bytes is wanted")]
        )
    try:
        planned = _with(swarm, ModelProposal.model_validate_json(answer).as_tasks())
    except ValidationError as error:
        raise SpecError(explain(error, model=ModelProposal)) from None
    if problems := problems_of(planned):
        raise SpecError(problems)
    apply_pattern(planned)
    return planned


def _call(name: str, folder: Path, *arguments: Any) -> Any:
    try:
        function = load_function(name, folder)
    except InputError as error:
        raise _at_planner("function", str(error)) from error
    try:
        return function(*arguments)
    except Exception as error:
        raise _at_planner("function", f"'{name}' — {describe(error)}") from error


def _at_planner(field: str, message: str) -> SpecError:
    return SpecError([SpecProblem(("planner", field), message)])
