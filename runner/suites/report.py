"""What a benchmark came to: its score with an interval, its spread, and how two runs compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import mean

from runner.artifacts import ArtifactStore
from runner.checkpoints import read_checkpoint
from runner.state import RunState
from runner.suites.numbers import Spread, pass_at_k, pass_hat_k, sign_flip_p, spread, wilson
from runner.suites.outcomes import ScoredTask, scored_tasks
from runner.suites.trials import AGENT
from sandboxes.errors import InputError
from sandboxes.spec import Model

Interval = tuple[float, float]
PARTS = ("look", "agent", "act", "settle")
_WORDS = {
    "needs_web": "need the web",
    "needs_account": "need an account",
    "needs_program": "need a program that is left out",
    "needs_root": "need root",
}


class Group(Model):
    """The tasks of one label's value. `score` is None where none of them has one."""

    label: str
    value: str
    tasks: int
    scored: int
    score: float | None
    interval: Interval


class Report(Model):
    """One run. `score` is the mean over `scored` tasks, None without any; the others' causes are counted in
    `not_scored`. `pass_at` and `pass_hat` are by k; `spreads` and `latency` (seconds) by what is spread."""

    run: str
    suite: str
    agent: str
    score: float | None
    interval: Interval
    scored: int
    tasks: tuple[ScoredTask, ...]
    groups: tuple[Group, ...]
    not_scored: dict[str, int]
    flaky: tuple[str, ...]
    pass_at: dict[int, float]
    pass_hat: dict[int, float]
    spreads: dict[str, Spread]
    latency: dict[str, Spread]

    @property
    def average_over(self) -> str:
        """How many tasks the score is of, and what became of the rest."""
        rest = ", ".join(f"{count} {_WORDS.get(cause, cause)}" for cause, count in self.not_scored.items())
        return f"{self.scored} of {len(self.tasks)} tasks" + (f"; not scored: {rest}" if rest else "")


class Difference(Model):
    """A task that two runs scored differently."""

    task: str
    scores: tuple[float, float]


class Comparison(Model):
    """Two runs of the same tasks. `p` is of a paired permutation test; `unpaired` are tasks that only one of
    the two has scored."""

    runs: tuple[str, str]
    pairs: int
    scores: tuple[float, float]
    p: float
    differing: tuple[Difference, ...]
    unpaired: tuple[str, ...]


def report(state: RunState, store: ArtifactStore) -> Report:
    """Reads every checkpoint of the run. Raises InfraError for one that is damaged."""
    tasks = scored_tasks(state)
    scores = [task.score for task in tasks if task.score is not None]
    score = mean(scores) if scores else None
    return Report(
        run=state.id,
        suite=state.swarm.name,
        agent=next((task.labels[AGENT] for task in state.swarm.tasks if AGENT in task.labels), ""),
        score=score,
        interval=wilson(score or 0, len(scores)),
        scored=len(scores),
        tasks=tuple(tasks),
        groups=tuple(_groups(tasks)),
        not_scored=_causes(tasks),
        flaky=tuple(task.id for task in tasks if task.outcome == "mixed"),
        pass_at=_by_k(tasks, pass_at_k),
        pass_hat=_by_k(tasks, pass_hat_k),
        spreads=_spreads(tasks),
        latency=_latency(state, store),
    )


def compare(one: Report, other: Report) -> Comparison:
    """Raises InputError where no task was scored in both."""
    scores = [{task.id: task.score for task in run.tasks if task.score is not None} for run in (one, other)]
    both = [task for task in scores[0] if task in scores[1]]
    if not both:
        raise InputError(f"{one.run} and {other.run} have no scored task in common")
    pairs = [(task, (scores[0][task], scores[1][task])) for task in both]
    return Comparison(
        runs=(one.run, other.run),
        pairs=len(both),
        scores=(mean(pair[0] for _, pair in pairs), mean(pair[1] for _, pair in pairs)),
        p=sign_flip_p([second - first for _, (first, second) in pairs]),
        differing=tuple(Difference(task=task, scores=pair) for task, pair in pairs if pair[0] != pair[1]),
        unpaired=tuple(sorted(scores[0].keys() ^ scores[1].keys())),
    )


def _groups(tasks: Sequence[ScoredTask]) -> Iterable[Group]:
    labels = dict.fromkeys(label for task in tasks for label in task.labels if label != AGENT)
    for label in labels:
        values = dict.fromkeys(task.labels[label] for task in tasks if label in task.labels)
        for value in values:
            yield _group(label, value, [task for task in tasks if task.labels.get(label) == value])


def _group(label: str, value: str, tasks: Sequence[ScoredTask]) -> Group:
    scores = [task.score for task in tasks if task.score is not None]
    score = mean(scores) if scores else None
    interval = wilson(score or 0, len(scores))
    return Group(
        label=label, value=value, tasks=len(tasks), scored=len(scores), score=score, interval=interval
    )


def _causes(tasks: Sequence[ScoredTask]) -> dict[str, int]:
    found: dict[str, int] = {}
    for task in tasks:
        if task.score is None:
            found[task.cause] = found.get(task.cause, 0) + 1
    return found


def _by_k(tasks: Sequence[ScoredTask], estimate: Callable[[int, int, int], float]) -> dict[int, float]:
    """For each k for which every scored task has as many repeats."""
    scored = [task for task in tasks if task.scored]
    most = min((task.scored for task in scored), default=0)
    return {k: mean(estimate(task.scored, task.passed, k) for task in scored) for k in range(1, most + 1)}


def _spreads(tasks: Sequence[ScoredTask]) -> dict[str, Spread]:
    """Of what was used for a trial that was scored: steps, seconds, tokens and US dollars, each attempt's."""
    attempts = [one for task in tasks for one in task.attempts if one.outcome != "not_scored"]
    amounts = {
        "steps": [float(one.steps) for one in attempts],
        "seconds": [one.wall_s for one in attempts if one.wall_s is not None],
        "tokens": [float(one.tokens) for one in attempts],
        "dollars": [one.money for one in attempts],
    }
    return {name: found for name, values in amounts.items() if (found := spread(values)) is not None}


def _latency(state: RunState, store: ArtifactStore) -> dict[str, Spread]:
    """Seconds of a step, by what they were spent on."""
    amounts: dict[str, list[float]] = {part: [] for part in PARTS}
    for task in state.tasks.values():
        for attempt in task.attempts:
            for taken in attempt.checkpoints:
                timings = read_checkpoint(store, taken.sha256).timings
                for part in PARTS:
                    amounts[part].append(getattr(timings, f"{part}_s"))
    return {part: found for part, values in amounts.items() if (found := spread(values)) is not None}
