"""From a suite to a run: every task goes to one agent, as often as asked for.

A suite is a swarm file. The agent its tasks have of their own is the oracle, a script that does them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.agent_file import read_agent
from runner.errors import SpecError, SpecProblem, suggest
from runner.spec import AgentSpec, ScriptAgent, Swarm, Task
from sandboxes.errors import InputError

ORACLE, NULL = "oracle", "null"
TASK, REPEAT, AGENT = "task", "repeat", "agent"
MAX_REPEATS = 100
_OWN_LABELS = frozenset((TASK, REPEAT, AGENT))
_DOES_NOTHING = ScriptAgent(kind="script", steps=())


def make_trials(suite: Swarm, agent: str, repeats: int) -> Swarm:
    """`agent` is `oracle`, `null`, one of the suite's agents, or a file with one.

    Raises SpecError, InputError.
    """
    if problems := list(_problems(suite)):
        raise SpecError(problems, suite.name)
    if not 1 <= repeats <= MAX_REPEATS:
        raise InputError(f"--repeat: {repeats} is not between 1 and {MAX_REPEATS}")
    spec = find_agent(suite, agent)
    name = agent if agent in (ORACLE, NULL, *suite.agents) else Path(agent).stem
    tasks = [
        _trial(task, spec, name, repeat, repeats) for repeat in range(1, repeats + 1) for task in suite.tasks
    ]
    return suite.model_copy(update={"tasks": tuple(tasks)})


def choose_tasks(suite: Swarm, names: Sequence[str]) -> Swarm:
    """The suite with these of its tasks, or all. Raises InputError for one that it has not."""
    if not names:
        return suite
    check_names(names, [task.id for task in suite.tasks], suite.name)
    return suite.model_copy(update={"tasks": tuple(task for task in suite.tasks if task.id in names)})


def check_names(names: Sequence[str], known: Sequence[str], suite: str) -> None:
    """Raises InputError for one that is no task of the suite's."""
    for name in names:
        if name not in known:
            raise InputError(f"--task: {name!r} is none of {suite}'s{suggest(name, known)}")


def find_agent(suite: Swarm, agent: str) -> AgentSpec | None:
    """None for the oracle. Raises SpecError, InputError."""
    if agent == ORACLE:
        return None
    if agent == NULL:
        return _DOES_NOTHING
    if agent in suite.agents:
        return suite.agents[agent]
    if not Path(agent).is_file():
        known = ", ".join((ORACLE, NULL, *suite.agents))
        raise InputError(f"--agent: {agent!r} is none of {known}, and no file")
    return read_agent(Path(agent))


def _trial(task: Task, agent: AgentSpec | None, name: str, repeat: int, repeats: int) -> Task:
    labels = {**task.labels, TASK: task.id, REPEAT: str(repeat), AGENT: name}
    changes: dict[str, object] = {"labels": labels}
    if repeats > 1:
        changes["id"] = f"{task.id}.{repeat}"
    if agent is not None:
        changes["agent"] = agent
    return task.model_copy(update=changes)


def _problems(suite: Swarm) -> Iterator[SpecProblem]:
    """What keeps a swarm from being a suite: its tasks have to be independent of each other."""
    if suite.planner is not None:
        yield SpecProblem(("planner",), "a suite's tasks are written down, so that every run has the same")
    if suite.pattern != "swarm":
        yield SpecProblem(("pattern",), f"{suite.pattern!r} makes tasks depend on each other; use `swarm`")
    for index, task in enumerate(suite.tasks):
        if task.after or task.each or task.handoffs or any(one.artifact for one in task.inputs.values()):
            yield SpecProblem(("tasks", index), "a suite's tasks do not wait for each other")
        for label in sorted(_OWN_LABELS & task.labels.keys()):
            yield SpecProblem(("tasks", index, "labels", label), "is the name of a label that trials get")
