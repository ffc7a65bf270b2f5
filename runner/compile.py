"""From what people write to what is run: the planner's tasks, the pattern's edges, a task for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner.errors import Loc, SpecError, SpecProblem
from runner.mapping import Maps, expand, read_maps
from runner.patterns import apply_pattern
from runner.plan import Plan, make_plan
from runner.planners import ask_planner, name_of
from runner.problems import problems_of
from runner.spec import Swarm


@dataclass(frozen=True, slots=True)
class Compiled:
    """A swarm of plain tasks that say all they need, and its plan. Compiled again, it stays the same."""

    swarm: Swarm
    plan: Plan


@dataclass(frozen=True, slots=True)
class Templates:
    """A swarm with its pattern written out, before a task that is repeated becomes many."""

    swarm: Swarm
    maps: Maps

    def copies(self, each: str | None) -> int:
        """How many tasks one becomes."""
        return len(self.maps[each]) if each else 1


def compile_swarm(swarm: Swarm, folder: Path) -> Compiled:
    """What is run. The planner, if there is one, is asked here: call this once for a run.

    Raises SpecError with the place of each problem, and InputError where a file is not there.
    """
    return compile_templates(swarm, make_templates(swarm, folder), folder)


def compile_templates(swarm: Swarm, templates: Templates, folder: Path) -> Compiled:
    """The rest of `compile_swarm`, for who wants to see the templates too; `swarm` is as it was written."""
    expanded, _ = expand_templates(templates)
    plan = make_plan(expanded, folder)
    plan = plan.model_copy(update={"pattern": swarm.pattern, "planner": name_of(swarm.planner)})
    return Compiled(expanded, plan)


def make_templates(swarm: Swarm, folder: Path) -> Templates:
    """The tasks as written, with what their pattern adds. Raises SpecError."""
    planned = ask_planner(swarm, folder)
    _raise_any(problems_of(planned))
    templates = apply_pattern(planned)
    _raise_any(problems_of(templates))
    return Templates(templates, read_maps(templates, folder))


def expand_templates(templates: Templates) -> tuple[Swarm, list[int]]:
    """Every task that is run, and the place of the template each is made from. Raises SpecError."""
    expanded, origins = expand(templates.swarm, templates.maps)
    problems = problems_of(expanded)
    _raise_any([replace(problem, loc=in_template(problem.loc, origins)) for problem in problems])
    return expanded.model_copy(update={"pattern": "swarm"}), origins


def in_template(loc: Loc, origins: Sequence[int]) -> Loc:
    """The place in the file of what is at this place of the expanded swarm."""
    match loc:
        case ("tasks", int(index), *rest) if index < len(origins):
            return ("tasks", origins[index], *rest)
    return loc


def _raise_any(problems: Sequence[SpecProblem]) -> None:
    if problems:
        raise SpecError(problems)
