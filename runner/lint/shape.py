"""Is this the right pattern, and do several agents gain anything over one?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from runner.graph import agent_of
from runner.lint.context import steps_of
from runner.lint.finding import Finding, Subject, listed
from runner.spec import ScriptAgent, Task

LITTLE_GAIN = 1.25


def really_a_pipeline(subject: Subject) -> Iterator[Finding]:
    """Steps that are known in advance, one after the other, written as if they were not."""
    order = subject.in_order
    if subject.written.pattern == "swarm" and len(order) > 1 and _in_line(subject):
        yield Finding(
            "is-a-pipeline",
            "warning",
            ("pattern",),
            f"this is a pipeline: {listed(order)} are done one after the other",
            "write `pattern: pipeline`; it has every handoff validated",
        )
    if subject.written.pattern == "hierarchy" and _scripts(subject):
        yield Finding(
            "is-a-pipeline",
            "warning",
            ("pattern",),
            "nobody in this hierarchy decides anything: every agent is a script, known in advance",
            "write `pattern: pipeline`, or `swarm` with `after`",
        )


def one_agent_would_do(subject: Subject) -> Iterator[Finding]:
    """Several agents of one kind that can hardly work at the same time."""
    tasks = subject.swarm.tasks
    kinds = {(agent_of(subject.swarm, task).model_dump_json(), task.desktop) for task in tasks}
    specialists = [task for task in subject.written.tasks if task.reports_to is not None]
    if subject.written.pattern == "hierarchy" and len(specialists) == 1:
        yield Finding(
            "one-agent",
            "advice",
            ("pattern",),
            f"{specialists[0].reports_to} leads {specialists[0].id} alone: nothing is gained by two",
            "let one agent do both",
        )
    elif len(tasks) > 1 and len(kinds) == 1 and _gain(subject) < LITTLE_GAIN and not _scripts(subject):
        yield Finding(
            "one-agent",
            "advice",
            ("tasks",),
            f"{listed([task.id for task in tasks])} have one and the same agent, and hardly any of them "
            f"can run at the same time (gain: {_gain(subject):.2f} times)",
            "one agent, one pipeline would do: write one task, with a check for each step",
        )


def bottleneck(subject: Subject) -> Iterator[Finding]:
    """Agents side by side, and one of them that all the time goes into."""
    side_by_side = subject.written.pattern != "pipeline" and len(subject.swarm.tasks) > 2
    if not side_by_side or subject.swarm.parallel == 1 or _gain(subject) >= LITTLE_GAIN or _in_line(subject):
        return
    longest = max(subject.swarm.tasks, key=lambda task: _work(subject, task))
    share = _work(subject, longest) / sum(_work(subject, task) for task in subject.swarm.tasks)
    yield Finding(
        "bottleneck",
        "advice",
        subject.place(longest.id),
        f"more agents make this {_gain(subject):.2f} times as fast at most; {longest.id} alone is "
        f"{share:.0%} of the steps",
        f"split {longest.id}, or let fewer agents do the rest",
    )


def _scripts(subject: Subject) -> bool:
    return all(isinstance(agent_of(subject.swarm, task), ScriptAgent) for task in subject.swarm.tasks)


def _in_line(subject: Subject) -> bool:
    """Whether each task waits for the one before it, and for nothing else."""
    return all(subject.needs[after] == (before,) for before, after in pairwise(subject.in_order))


def _work(subject: Subject, task: Task) -> int:
    return steps_of(subject, task) * subject.templates.copies(task.each)


def _gain(subject: Subject) -> float:
    """How many times as fast as one agent: all steps, over those of the longest way through."""
    ends: dict[str, float] = {}
    for name in subject.in_order:
        task = subject.tasks[name]
        copies = subject.templates.copies(task.each)
        own = steps_of(subject, task) * math.ceil(copies / subject.swarm.parallel)
        ends[name] = own + max((ends[need] for need in subject.needs[name]), default=0)
    return sum(_work(subject, task) for task in subject.swarm.tasks) / max(ends.values())
