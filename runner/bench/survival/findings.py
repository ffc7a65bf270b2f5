"""Whether a run that lost its controller came to what an undisturbed one comes to, and what it did twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.artifacts import ArtifactStore
from runner.events import AttemptStarted, TaskEnded, TaskReopened
from runner.journal import Record
from runner.ownership import violations
from runner.resume import CAUSE
from runner.state import AttemptState, RunState, fold
from sandboxes.errors import InfraError

Results = dict[str, tuple[str, dict[str, str], str]]
"""By task: how it ended, its outputs by their hashes, and the cause of its failure."""


@dataclass(frozen=True, slots=True)
class Findings:
    """`different` and `unreported` say what is wrong, a line each; `in_doubt` counts the actions of which
    the run itself tells that they may have been done twice."""

    different: tuple[str, ...]
    unreported: tuple[str, ...]
    cut_short: int
    in_doubt: int


def results(state: RunState) -> Results:
    return {task.id: (task.status, *_left(task.attempts[-1])) for task in state.tasks.values()}


def examine(records: Sequence[Record], store: ArtifactStore, expected: Results) -> Findings:
    """A run from its first event to its last."""
    state = fold(records)
    attempts = [attempt for task in state.tasks.values() for attempt in task.attempts]
    cut = [attempt for attempt in attempts if attempt.cause == CAUSE]
    return Findings(
        different=tuple(_differences(state, store, expected)),
        unreported=tuple(_unreported(records, state)),
        cut_short=len(cut),
        in_doubt=sum(attempt.intended is not None for attempt in cut),
    )


def _left(attempt: AttemptState) -> tuple[dict[str, str], str]:
    return {name: kept.sha256 for name, kept in attempt.outputs.items()}, attempt.cause


def _differences(state: RunState, store: ArtifactStore, expected: Results) -> Iterator[str]:
    if state.status == "running":
        yield "the run has not ended"
        return
    found = results(state)
    for task, result in expected.items():
        if found[task] != result:
            yield f"{task}: {found[task]}, not {result}"
        for name, digest in found[task][1].items():
            try:
                store.get(digest)
            except InfraError as error:
                yield f"{task}.{name} is lost: {error}"


def _unreported(records: Sequence[Record], state: RunState) -> Iterator[str]:
    """What was done again without the journal saying why, and desktops with two owners."""
    over: set[str] = set()
    for record in records:
        match record.event:
            case TaskEnded() as event:
                if event.task in over:
                    yield f"{event.task} ended twice"
                over.add(event.task)
            case TaskReopened() as event:
                over.discard(event.task)
            case AttemptStarted() as event if event.task in over:
                yield f"{event.task} was begun again after its end"
    for task in state.tasks.values():
        for attempt in task.attempts:
            doubtful = attempt.cause == CAUSE and attempt.intended is not None
            if doubtful != ("may have been carried out" in attempt.reason):
                yield f"{task.id} {attempt.number}: its last action is not told: {attempt.reason}"
    yield from map(str, violations(record.event for record in records))
