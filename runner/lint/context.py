"""How much text agents are given, what it costs, and what a brief in place of the history saves.

All numbers are estimates; ASSUMPTIONS says what they rest on, and is printed with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from runner.graph import agent_of, artifacts_of
from runner.lint.finding import Finding, Subject
from runner.local_files import local_file
from runner.rules import Handoff
from runner.spec import Output, ProcessAgent, ScriptAgent, Task
from runner.tokens import count_tokens
from sandboxes.errors import InputError
from sandboxes.spec import Model

STEPS = 30
SCREENSHOT_TOKENS = 1500
TREE_TOKENS = 2500
ANSWER_TOKENS = 200
OUTPUT_TOKENS = 2000
DOLLARS_PER_MILLION = 3.0

ASSUMPTIONS = (
    f"a task takes {STEPS} steps, or its budget's if that is fewer",
    f"a view is {SCREENSHOT_TOKENS} tokens of picture and {TREE_TOKENS} of tree, an answer {ANSWER_TOKENS}",
    "what a task is given is read whole and sent again at every step",
    f"a text output without `max_tokens` is {OUTPUT_TOKENS} tokens; what is no text is none",
    f"a million tokens are {DOLLARS_PER_MILLION:g} dollars; scripts ask no model",
)

_TEXTS = frozenset(
    {".csv", ".htm", ".html", ".json", ".jsonl", ".log", ".md", ".py", ".txt", ".xml", ".yaml"}
)


class Estimate(Model):
    """Of the whole run, one attempt at each task."""

    model_tasks: int
    tokens: int
    dollars: float
    handed_on: int
    handed_on_with_history: int
    saved_by_briefs: float
    assumptions: tuple[str, ...] = ASSUMPTIONS


def estimate(subject: Subject) -> Estimate:
    """What the agents that ask a model will use, and what is handed on between them."""
    asking = [task for task in subject.swarm.tasks if subject.asks_a_model(task)]
    copies = {task.id: subject.templates.copies(task.each) for task in asking}
    tokens = sum(copies[task.id] * steps_of(subject, task) * per_step(subject, task) for task in asking)
    briefs = sum(copies[task.id] * handed_to(subject, task) for task in asking)
    histories = _histories(subject)
    history = sum(copies[task.id] * histories[task.id] for task in asking)
    return Estimate(
        model_tasks=sum(copies.values()),
        tokens=tokens,
        dollars=dollars(tokens),
        handed_on=briefs,
        handed_on_with_history=history,
        saved_by_briefs=round(1 - briefs / history, 2) if history else 0.0,
    )


def growing_context(subject: Subject) -> Iterator[Finding]:
    """Along a chain of agents each is given more than the one before: a history rather than a brief."""
    for chain in _growing_chains(subject):
        first, last = (subject.tasks[chain[0]], subject.tasks[chain[-1]])
        sizes = [given(subject, subject.tasks[name]) for name in chain]
        shown = ", ".join(f"{size:,}" for size in sizes)
        brief = given(subject, first) + Handoff().max_tokens
        saved = (sizes[-1] - brief) * steps_of(subject, last) * subject.templates.copies(last.each)
        yield Finding(
            "growing-context",
            "warning",
            subject.place(last.id, "inputs"),
            f"context grows along {' → '.join(chain)}: {shown} tokens a step",
            f"give {last.id} a brief of {Handoff().max_tokens} tokens in place of what went before: "
            f"saves about {saved:,} tokens (${dollars(saved):.2f}) a run",
        )


def more_than_the_budget(subject: Subject) -> Iterator[Finding]:
    """A task that is given more than it may use."""
    for task in subject.swarm.tasks:
        limit = task.budget.tokens
        size = given(subject, task) if limit is not None and subject.asks_a_model(task) else 0
        if limit is not None and size >= limit:
            yield Finding(
                "brief-overflow",
                "error",
                subject.place(task.id, "budget", "tokens"),
                f"{task.id} is given up to {size:,} tokens to read and may use {limit:,}",
                "raise the budget, or lower `max_tokens` of the outputs and handoffs it is given",
            )


def given(subject: Subject, task: Task) -> int:
    """Tokens of all a task is given: its instruction, briefs and texts."""
    return count_tokens(task.instruction) + handed_to(subject, task) + _local_texts(subject, task)


def handed_to(subject: Subject, task: Task) -> int:
    """Tokens other tasks hand to it, at most: briefs, and outputs that are text."""
    briefs = sum(subject.handoff(need, task.id).max_tokens for need in subject.needs[task.id])
    sources = artifacts_of(task, subject.tasks).values()
    return briefs + sum(_of_output(subject.tasks[one.task].outputs[one.output]) for one in sources)


def steps_of(subject: Subject, task: Task) -> int:
    agent = agent_of(subject.swarm, task)
    return len(agent.steps) if isinstance(agent, ScriptAgent) else min(STEPS, task.budget.steps)


def per_step(subject: Subject, task: Task) -> int:
    agent = agent_of(subject.swarm, task)
    blind = isinstance(agent, ScriptAgent) or (isinstance(agent, ProcessAgent) and not agent.screenshots)
    picture = 0 if blind else SCREENSHOT_TOKENS
    return given(subject, task) + picture + TREE_TOKENS + ANSWER_TOKENS


def dollars(tokens: int) -> float:
    return round(tokens * DOLLARS_PER_MILLION / 1e6, 2)


def _histories(subject: Subject) -> dict[str, int]:
    """What each task would be handed if every agent passed on all it had seen."""
    seen: dict[str, int] = {}
    received: dict[str, int] = {}
    for name in subject.in_order:
        task = subject.tasks[name]
        received[name] = sum(seen[need] for need in subject.needs[name])
        own = steps_of(subject, task) * (TREE_TOKENS + ANSWER_TOKENS) if subject.asks_a_model(task) else 0
        seen[name] = received[name] + given(subject, task) + own
    return received


def _growing_chains(subject: Subject) -> Iterator[list[str]]:
    """The longest way to each task that nothing waits for, where each hop is given more than the last."""
    sizes = {task.id: given(subject, task) for task in subject.swarm.tasks if subject.asks_a_model(task)}
    chains: dict[str, list[str]] = {}
    for name in subject.in_order:
        if name in sizes:
            before = [
                chains[need] for need in subject.needs[name] if sizes.get(need, sizes[name]) < sizes[name]
            ]
            chains[name] = [*max(before, key=len, default=[]), name]
    for name, chain in chains.items():
        ends = not any(chains.get(after, [])[:-1] == chain for after in subject.dependants[name])
        if ends and len(chain) >= 3 and sizes[name] > 2 * sizes[chain[0]] + 2 * Handoff().max_tokens:
            yield chain


def _local_texts(subject: Subject, task: Task) -> int:
    names = (source.file for source in task.inputs.values() if source.file)
    return sum(_of_file(subject, name) for name in names if _is_text(name))


def _of_file(subject: Subject, name: str) -> int:
    try:
        return count_tokens(local_file(subject.folder, name).read_text(errors="replace"))
    except InputError:  # `{row.…}` in it, for one
        return 0


def _of_output(output: Output) -> int:
    if output.max_tokens is not None:
        return output.max_tokens
    return OUTPUT_TOKENS if _is_text(output.path) else 0


def _is_text(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _TEXTS
