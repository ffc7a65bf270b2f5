"""The three patterns: each is a way to write a dependency graph. Out come tasks that say what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.errors import Loc, SpecError, SpecProblem, suggest
from runner.graph import agent_of, by_id, needs_of
from runner.rules import Handoff
from runner.spec import Input, Lead, Output, ScriptAgent, Swarm, Task

BRIEF = "~/brief.md"
REPORT = "~/report.md"
BRIEFS = "~/briefs"
REPORTS = "~/reports"
BRIEFING = ".brief"


def apply_pattern(swarm: Swarm) -> Swarm:
    """What the pattern means, written out. Tasks keep their places; new ones follow. Raises SpecError."""
    if problems := list(_problems(swarm)):
        raise SpecError(problems)
    if swarm.pattern == "pipeline":
        return swarm.model_copy(update={"tasks": tuple(_stages(swarm))})
    if swarm.pattern == "hierarchy":
        return swarm.model_copy(update={"tasks": tuple(_hierarchy(swarm))})
    return swarm


def is_validated(task: Task) -> bool:
    """Whether anything but their existence is asked of what the task leaves behind."""
    schemas = any(output.schema_ is not None for output in task.outputs.values())
    return bool(task.checks) or schemas or task.judges is not None


def _problems(swarm: Swarm) -> Iterator[SpecProblem]:
    for index, task in enumerate(swarm.tasks):
        at: Loc = ("tasks", index)
        if swarm.pattern == "hierarchy":
            yield from _report_problems(at, swarm, task)
        else:
            for field in ("reports_to", "lead"):
                if getattr(task, field) is not None:
                    yield SpecProblem((*at, field), "only in a hierarchy; write `pattern: hierarchy`")
    if swarm.pattern == "pipeline":
        yield from _unvalidated_stages(swarm)
    if swarm.pattern == "hierarchy" and not any(task.reports_to for task in swarm.tasks):
        yield SpecProblem(("pattern",), "nobody leads; give specialists `reports_to: LEAD`")


# --- pipeline -------------------------------------------------------------------------------------


def _unvalidated_stages(swarm: Swarm) -> Iterator[SpecProblem]:
    for index, (task, after) in enumerate(zip(swarm.tasks, swarm.tasks[1:], strict=False)):
        if not is_validated(task):
            message = f"nothing is validated before {after.id} takes over; give {task.id} checks or a schema"
            yield SpecProblem(("tasks", index), message)


def _stages(swarm: Swarm) -> Iterator[Task]:
    """Each task after the one that is written before it."""
    tasks = by_id(swarm)
    yield swarm.tasks[0]
    for before, task in zip(swarm.tasks, swarm.tasks[1:], strict=False):
        if before.id in needs_of(task, tasks):
            yield task
        else:
            yield task.model_copy(update={"after": (*task.after, before.id)})


# --- hierarchy ------------------------------------------------------------------------------------


def _report_problems(at: Loc, swarm: Swarm, task: Task) -> Iterator[SpecProblem]:
    tasks = by_id(swarm)
    if task.reports_to is not None and task.reports_to not in tasks:
        message = f"no task has the id {task.reports_to!r}{suggest(task.reports_to, tasks)}"
        yield SpecProblem((*at, "reports_to"), message)
    elif task.reports_to is not None:
        yield from _specialist_problems(at, task, tasks)
    led = any(other.reports_to == task.id for other in swarm.tasks)
    if task.lead is not None and not led:
        yield SpecProblem((*at, "lead"), f"nobody reports to {task.id}")
    if led and len(_briefing_id(task.id)) > 63:
        yield SpecProblem((*at, "id"), "a lead's id has at most 57 letters")


def _specialist_problems(at: Loc, task: Task, tasks: Mapping[str, Task]) -> Iterator[SpecProblem]:
    above: list[str] = [task.id]
    while (lead := tasks.get(above[-1])) is not None and lead.reports_to is not None:
        if lead.reports_to in above:
            shown = " to ".join([*above, lead.reports_to])
            yield SpecProblem((*at, "reports_to"), f"tasks report in a circle: {shown}")
            return
        above.append(lead.reports_to)
    if task.each != tasks[task.reports_to or task.id].each:
        yield SpecProblem(
            (*at, "each"), f"not the map of {task.reports_to}, to which it reports; give both one"
        )
    for field, taken in (("inputs", "brief"), ("outputs", "report")):
        if taken in getattr(task, field):
            yield SpecProblem((*at, field, taken), "the name a hierarchy itself uses; take another")


def _hierarchy(swarm: Swarm) -> Iterator[Task]:
    """Who leads writes the briefs in a task of its own, and does the rest when the reports are there."""
    tasks = by_id(swarm)
    specialists: dict[str, list[str]] = {}
    for task in swarm.tasks:
        if task.reports_to is not None:
            specialists.setdefault(task.reports_to, []).append(task.id)
    for task in swarm.tasks:
        led = _leading(task, specialists[task.id]) if task.id in specialists else task
        yield led if task.reports_to is None else _reporting(_briefed(swarm, led, tasks), tasks)
    for name, names in specialists.items():
        briefing = _briefing(tasks[name], names)
        yield briefing if briefing.reports_to is None else _briefed(swarm, briefing, tasks)


def _briefing(task: Task, specialists: list[str]) -> Task:
    """A lead's first half: a brief for each specialist."""
    lead = task.lead or Lead()
    paths = {name: f"{BRIEFS}/{name}.md" for name in specialists}
    asked = f"For each of your specialists write a brief of at most {lead.brief_tokens} tokens"
    update = {
        "id": _briefing_id(task.id),
        "instruction": f"{lead.instruction or task.instruction}\n\n{asked}: {', '.join(paths.values())}.",
        "agent": task.agent if lead.agent is None else lead.agent,
        "outputs": {name: Output(path=path, max_tokens=lead.brief_tokens) for name, path in paths.items()},
        "handoffs": {name: how for name, how in task.handoffs.items() if name not in specialists},
        "checks": (),
        "judges": None,
        "lead": None,
    }
    return task.model_copy(update=update)


def _leading(task: Task, specialists: list[str]) -> Task:
    """A lead's second half: it works with the reports."""
    limit = (task.lead or Lead()).report_tokens
    inputs = {name: Input(artifact=f"{name}.report", to=f"{REPORTS}/{name}.md") for name in specialists}
    handoffs = {name: Handoff(intent="report", max_tokens=limit) for name in specialists}
    update = {
        "instruction": f"{task.instruction}\n\nThe reports of your specialists are in {REPORTS}.",
        "inputs": {**task.inputs, **inputs},
        "handoffs": {**handoffs, **task.handoffs},
        "lead": None,
    }
    return task.model_copy(update=update)


def _briefed(swarm: Swarm, task: Task, tasks: Mapping[str, Task]) -> Task:
    """A specialist takes its brief; one that leads others takes it to both halves of its work."""
    lead = tasks[task.reports_to or ""]
    briefing = _briefing_id(lead.id)
    own = task.id if task.id in tasks else task.id.removesuffix(BRIEFING)
    # A script cannot say that it read its brief.
    reads = not isinstance(agent_of(swarm, task), ScriptAgent)
    limit = (lead.lead or Lead()).brief_tokens
    update = {
        "instruction": f"{task.instruction}\n\nYour brief is {BRIEF}.",
        "inputs": {**task.inputs, "brief": Input(artifact=f"{briefing}.{own}", to=BRIEF)},
        "handoffs": {briefing: Handoff(intent="brief", max_tokens=limit, must_read=reads), **task.handoffs},
        "reports_to": None,
    }
    return task.model_copy(update=update)


def _reporting(task: Task, tasks: Mapping[str, Task]) -> Task:
    lead = tasks[tasks[task.id].reports_to or ""].lead or Lead()
    asked = f"Leave a report of at most {lead.report_tokens} tokens at {REPORT}."
    update = {
        "instruction": f"{task.instruction} {asked}",
        "outputs": {**task.outputs, "report": Output(path=REPORT, max_tokens=lead.report_tokens)},
    }
    return task.model_copy(update=update)


def _briefing_id(lead: str) -> str:
    return lead + BRIEFING
