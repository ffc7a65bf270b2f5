"""From the journal and the artifact store to what a replay page shows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.actions import Action, Drag
from runner.agents.base import Act, Decision, Failed
from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint, Executed, read_checkpoint
from runner.edges import contract_of, edges_of, path_of
from runner.errors import suggest
from runner.events import CheckpointTaken, DesktopHandedOver, HandoffSent, Kept
from runner.graph import by_id
from runner.journal import Record
from runner.replay.data import (
    Artifact,
    Attempt,
    CheckResult,
    Decided,
    Deed,
    Page,
    PlanEdge,
    Point,
    Recording,
    Run,
    ShownWindow,
    Signal,
    Step,
    Task,
    Times,
)
from runner.replay.describe import detail, status_of, verb
from runner.replay.frames import Film
from runner.replay.summary import summarize, telling_step
from runner.replay.trees import Forest
from runner.spec import Task as TaskSpec
from runner.state import AttemptState, RunState, TaskState, fold
from runner.why import tell_decisions, tell_plan
from sandboxes.errors import InputError


def collect(runs: Sequence[Sequence[Record]], store: ArtifactStore, task: str | None = None) -> Recording:
    """The page of a run, or of two to be compared, given all their events in order; or of one of their tasks.

    Raises InputError for a task that is in none of them, InfraError where a blob is missing or damaged.
    """
    collector = Collector(store)
    return collector.recording([collector.run(records, task) for records in runs])


class Collector:
    """Reads each frame, tree and checkpoint once, however often it is asked for the page of a run that goes
    on, and gives it the same number each time."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._film = Film(store)
        self._forest = Forest(store)
        self._steps: dict[str, Step] = {}

    def recording(self, runs: Sequence[Run]) -> Recording:
        """The page of what was collected."""
        self._film.seal()
        page = Page(
            runs=tuple(runs),
            frames=tuple(self._film.frames),
            trees=tuple(self._forest.trees),
            nodes=tuple(self._forest.nodes),
            sheets=tuple(self._film.sizes),
        )
        return Recording(page, self._film.sheets)

    def run(self, records: Sequence[Record], task: str | None = None) -> Run:
        """A run, or one task of it, as far as its events tell. Raises InputError, InfraError."""
        state = fold(records)
        if task is not None and task not in state.tasks:
            known = f"it has {', '.join(sorted(state.tasks))}{suggest(task, state.tasks)}"
            raise InputError(f"task: {task!r} is not in run {state.id}; {known}")
        planned = _Planned(state, _by_task(records))
        return Run(
            id=state.id,
            name=state.swarm.name,
            status=status_of(state),
            started_at=state.started_at,
            wall_s=state.ended_at - state.started_at if state.ended_at else None,
            tasks=tuple(self._task(planned, state.tasks[one]) for one in ([task] if task else state.tasks)),
        )

    def _task(self, planned: _Planned, task: TaskState) -> Task:
        spec = by_id(planned.state.swarm)[task.id]
        return Task(
            id=task.id,
            instruction=spec.instruction,
            status=task.status,
            reason=task.reason,
            plan=tuple(tell_plan(planned.state, task.id)),
            contract=tuple(contract_of(spec)),
            edges=tuple(planned.edges(task.id)),
            why=tuple(planned.why(task.id)),
            attempts=tuple(self._attempt(spec, task, attempt) for attempt in task.attempts),
        )

    def _attempt(self, spec: TaskSpec, task: TaskState, attempt: AttemptState) -> Attempt:
        steps = tuple(self._step(attempt, taken) for taken in attempt.checkpoints)
        checks = tuple(_checks(spec, attempt))
        return Attempt(
            number=attempt.number,
            status=attempt.status,
            kind=".".join(filter(None, (attempt.failure, attempt.cause))),
            reason=attempt.reason,
            summary=summarize(task.id, attempt, steps, checks),
            telling=telling_step(attempt, steps),
            steps=steps,
            checks=checks,
            inputs=_artifacts(attempt.inputs),
            outputs=_artifacts(attempt.outputs),
            facts=tuple(_facts(attempt)),
        )

    def _step(self, attempt: AttemptState, taken: CheckpointTaken) -> Step:
        if taken.sha256 not in self._steps:
            checkpoint = read_checkpoint(self._store, taken.sha256)
            self._steps[taken.sha256] = self._read(checkpoint, attempt.started_at)
        step, signals = self._steps[taken.sha256], tuple(_signals(attempt, taken.step))
        return step.model_copy(update={"signals": signals}) if signals else step

    def _read(self, checkpoint: Checkpoint, started_at: float) -> Step:
        screen, decision, times = checkpoint.screen, checkpoint.decision, checkpoint.timings
        return Step(
            frame=self._film.add(screen.frame),
            tree=self._forest.add(screen.tree),
            at_s=max(0.0, screen.taken_at - started_at),
            say=decision.say if decision else "ended",
            note=_note(decision),
            emitted=_emitted(decision),
            deeds=tuple(self._deeds(checkpoint)),
            windows=tuple(
                ShownWindow(title=one.title, application=one.application, focused=one.id == screen.focus)
                for one in screen.windows
            ),
            times=Times(look=times.look_s, agent=times.agent_s, act=times.act_s, settle=times.settle_s),
            tokens=decision.usage.tokens if decision else 0,
            money=decision.usage.money if decision else 0,
            cursor=(screen.cursor.x, screen.cursor.y),
        )

    def _deeds(self, checkpoint: Checkpoint) -> Iterator[Deed]:
        tree = checkpoint.screen.tree
        for done in checkpoint.executed:
            yield _deed(done, self._forest.acted_on(tree, done.action, done.points))
        if isinstance(checkpoint.decision, Act):
            for action in checkpoint.decision.actions[len(checkpoint.executed) :]:
                yield Deed(
                    verb=verb(action),
                    detail=detail(action),
                    emitted=_points_of(action),
                    node=self._forest.acted_on(tree, action, ()),
                    ok=None,
                    error="not carried out",
                )


@dataclass(frozen=True, slots=True)
class _Planned:
    """A run's plan, and what was decided on each of its tasks."""

    state: RunState
    records: dict[str, list[Record]]

    def edges(self, task: str) -> Iterator[PlanEdge]:
        """Those that lead to a task and away from it."""
        for edge in edges_of(self.state.swarm):
            if task in (edge.source, edge.target):
                yield PlanEdge(
                    source=edge.source,
                    target=edge.target,
                    artifacts=edge.artifacts,
                    contract=edge.contract,
                    mode=edge.mode,
                )

    def why(self, task: str) -> Iterator[Decided]:
        for told in tell_decisions(self.records[task], task):
            at_s = None if told.at is None else told.at - self.state.started_at
            yield Decided(at_s=at_s, attempt=told.attempt, kind=told.kind, text=told.text)


def _by_task(records: Sequence[Record]) -> dict[str, list[Record]]:
    """What may concern a task: events of it and those that name it as receiver; all that are of no task."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    shared = [record for record in records if not record.event.task]
    for record in records:
        if record.event.task:
            found[record.event.task].append(record)
        if isinstance(record.event, HandoffSent | DesktopHandedOver):
            found[record.event.to].append(record)
    for task in found:
        found[task] = sorted([*found[task], *shared], key=lambda record: record.seq)
    return found


def _checks(spec: TaskSpec, attempt: AttemptState) -> Iterator[CheckResult]:
    """What the verdict found; a check with the file it reads."""
    for finding in attempt.verdict.findings if attempt.verdict else ():
        number = re.match(r"check (\d+):", finding.subject)
        path = path_of(spec.checks[int(number[1])]) if number else None
        name = f"{finding.subject} {path}" if path else finding.subject
        yield CheckResult(name=name, ok=finding.ok, detail=finding.detail)


def _signals(attempt: AttemptState, step: int) -> Iterator[Signal]:
    for warned in attempt.warnings:
        if warned.step == step:
            yield Signal(kind="warned", by=warned.monitor, text=warned.message)
    for refused in attempt.refusals:
        if refused.step == step:
            yield Signal(kind="refused", by=refused.monitor, text=refused.reason)


def _note(decision: Decision | None) -> str:
    if decision is None:
        return "The session ended before the agent decided."
    return decision.reason if isinstance(decision, Failed) else decision.note


def _emitted(decision: Decision | None) -> str:
    """What the agent said, one action a line."""
    if isinstance(decision, Act):
        return "\n".join(action.model_dump_json(exclude_defaults=True) for action in decision.actions)
    return decision.say if decision else ""


def _deed(done: Executed, node: int | None) -> Deed:
    return Deed(
        verb=verb(done.action),
        detail=detail(done.action),
        emitted=_points_of(done.action),
        executed=tuple((point.x, point.y) for point in done.points),
        node=node,
        ok=done.ok,
        error=done.error,
        took_s=done.took_s,
    )


def _points_of(action: Action) -> tuple[Point, ...]:
    """The points the agent itself gave; none where it named objects."""
    targets = (action.start, action.end) if isinstance(action, Drag) else (getattr(action, "target", None),)
    points = [target.at for target in targets if target is not None]
    return tuple((point.x, point.y) for point in points if point is not None)


def _facts(attempt: AttemptState) -> Iterator[tuple[str, str]]:
    if attempt.ended_at is not None:
        yield "wall time", f"{attempt.ended_at - attempt.started_at:.1f} s"
    if attempt.agent is not None:
        yield "agent", attempt.agent
    if attempt.desktop is not None:
        yield "desktop", attempt.desktop
    if attempt.usage.tokens:
        yield "tokens", f"{attempt.usage.tokens:,}"
    if attempt.usage.money:
        yield "cost", f"${attempt.usage.money:.4f}"


def _artifacts(kept: dict[str, Kept]) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(name=name, path=one.path, sha256=one.sha256, bytes=one.bytes) for name, one in kept.items()
    )
