"""`deskswarm show`: what became of a run, and a copy of what it left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from runner.cli.between import branched_in_words, guarded_in_words, ruling_in_words
from runner.cli.journals import open_artifacts, open_journal, read_decisions
from runner.cli.output import clock, duration, one_line, size, write_file
from runner.events import Finding, Kept, Refused, Warned
from runner.replay.describe import status_of
from runner.state import AttemptState, RunState, TaskState
from runner.summary import TaskSummary, summarize


def show_run(run: str, artifacts: Path | None) -> None:
    with open_journal() as journal:
        state = read_decisions(journal, run)
    print("\n".join(account(state)))
    if artifacts is not None:
        _copy_artifacts(state, artifacts)


def account(state: RunState) -> Iterator[str]:
    """What became of a run, line by line."""
    took = None if state.ended_at is None else state.ended_at - state.started_at
    yield f"{state.id}  {state.swarm.name}  {status_of(state)}  {duration(took)}"
    elsewhere = ", on another machine; imported" if state.imported else ""
    yield f"  started {clock(state.started_at)} on {state.backend}{elsewhere}"
    if state.branched is not None:
        yield f"  {branched_in_words(state.branched)}"
    if state.reason:
        yield f"  {one_line(state.reason, 400)}"
    for summary in summarize(state).tasks:
        yield ""
        yield from _account_of_task(summary, state.tasks[summary.id])


def _account_of_task(summary: TaskSummary, task: TaskState) -> Iterator[str]:
    yield f"{task.id}  {task.status}  {duration(summary.wall_s)}"
    if task.reason and not task.attempts:
        yield f"  {one_line(task.reason, 400)}"
    for kept in task.reused.outputs.values() if task.reused else ():
        yield f"  {_artifact(kept)}"
    for attempt in task.attempts:
        yield from _account_of_attempt(attempt)


def _account_of_attempt(attempt: AttemptState) -> Iterator[str]:
    took = None if attempt.ended_at is None else attempt.ended_at - attempt.started_at
    kind = ".".join(filter(None, (attempt.failure, attempt.cause)))
    status = f"{attempt.status} ({kind})" if kind else attempt.status
    desktop = f"  on {attempt.desktop}" if attempt.desktop else ""
    yield f"  attempt {attempt.number}  {status}  {attempt.steps} steps  {duration(took)}{desktop}"
    if attempt.reason:
        yield f"    {one_line(attempt.reason, 400)}"
    if attempt.connections:
        yield f"    made {attempt.connections} network connections"
    if attempt.refused:
        yield f"    last refused a connection: {one_line(attempt.refused.reason, 400)}"
    guarded: list[Warned | Refused] = [*attempt.warnings, *attempt.refusals]
    for event in sorted(guarded, key=lambda event: event.step):
        yield f"    step {event.step + 1}: {one_line(guarded_in_words(event), 400)}"
    for finding in attempt.verdict.findings if attempt.verdict else ():
        yield f"    {_finding(finding)}"
    if attempt.verdict is not None and attempt.verdict.conflict:
        yield "    the judges disagree"
    for kept in attempt.outputs.values():
        yield f"    {_artifact(kept)}"
    for name, sha256 in attempt.evidence.items():
        yield f"    evidence {name}  sha256 {sha256}"
    for ruling in attempt.rulings:
        yield f"    {one_line(ruling_in_words(ruling), 400)}"


def _artifact(kept: Kept) -> str:
    return f"artifact {kept.name}  {kept.path}  {size(kept.bytes)}  sha256 {kept.sha256}"


def _finding(finding: Finding) -> str:
    detail = f": {one_line(finding.detail, 400)}" if finding.detail else ""
    return f"{'passed' if finding.ok else 'FAILED'}  {finding.subject}{detail}"


def _copy_artifacts(state: RunState, folder: Path) -> None:
    """What a task succeeded with to DIR/TASK/, what a failed attempt left to DIR/TASK/failed-attempt-N/."""
    store = open_artifacts()
    print()
    for task in state.tasks.values():
        for kept in task.reused.outputs.values() if task.reused else ():
            _copy(folder / task.id / _file_name(kept), store.get(kept.sha256))
        for attempt in task.attempts:
            place = folder / task.id
            if attempt.status != "succeeded":
                place /= f"failed-attempt-{attempt.number}"
            for name, sha256 in _files(attempt):
                _copy(place / name, store.get(sha256))


def _copy(path: Path, content: bytes) -> None:
    write_file(path, content)
    print(path)


def _files(attempt: AttemptState) -> Iterator[tuple[str, str]]:
    for kept in attempt.outputs.values():
        yield _file_name(kept), kept.sha256
    for name, sha256 in attempt.evidence.items():
        yield f"{name}.txt", sha256


def _file_name(kept: Kept) -> str:
    """An output's name in the swarm, with the ending it has on the desktop."""
    return kept.name + PurePosixPath(kept.path).suffix
