"""Is anything asked of what agents leave behind?"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from runner.checks.spec import Python
from runner.edges import path_of
from runner.graph import artifacts_of
from runner.lint.finding import Finding, Subject, listed
from runner.patterns import is_validated
from runner.spec import Task


def missing_contracts(subject: Subject) -> Iterator[Finding]:
    """An output that goes on to another agent, with nothing asked of it but that it is there."""
    handed_on: dict[str, dict[str, list[str]]] = {}
    for task in subject.swarm.tasks:
        for source in artifacts_of(task, subject.tasks).values():
            handed_on.setdefault(source.task, {}).setdefault(source.output, []).append(task.id)
    for name, outputs in handed_on.items():
        for output, receivers in outputs.items():
            if not is_asked_of(subject.tasks[name], output):
                yield Finding(
                    "missing-contract",
                    "error",
                    subject.place(name, "outputs", output),
                    f"{listed(receivers)} will work with {name}.{output} whatever is in it",
                    "nothing is asked of it: give it a `schema`, or the task a check on its path",
                )


def unchecked_ends(subject: Subject) -> Iterator[Finding]:
    """A task that counts as done when its agent says so. One that cannot be done never does."""
    for task in subject.swarm.tasks:
        asked = (
            not task.feasible
            or is_validated(task)
            or any(output.max_tokens for output in task.outputs.values())
        )
        if not asked and not _hands_on(subject, task):
            waiting = subject.dependants[task.id]
            after = f", and {listed(waiting)} start{'s' if len(waiting) == 1 else ''} then" if waiting else ""
            yield Finding(
                "unchecked-end",
                "warning",
                subject.place(task.id),
                f"{task.id} is done when its agent says so{after}",
                "give it `checks`, or outputs with a `schema`",
            )


def _hands_on(subject: Subject, task: Task) -> bool:
    behind = (subject.tasks[name] for name in subject.dependants[task.id])
    return any(one.task == task.id for each in behind for one in artifacts_of(each, subject.tasks).values())


def is_asked_of(task: Task, name: str) -> bool:
    """By a schema, a limit or judges of its own, by a check that reads it, or by one that reads no file."""
    output = task.outputs[name]
    if output.schema_ is not None or output.max_tokens is not None or task.judges is not None:
        return True
    paths: list[str | None] = []
    for check in task.checks:
        paths += check.paths if isinstance(check, Python) else [path_of(check)]
    return any(path is None or posixpath.normpath(path) == posixpath.normpath(output.path) for path in paths)
