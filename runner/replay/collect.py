"""From the journal and the artifact store to what a replay page shows."""

from __future__ import annotations

from collections.abc import Iterator

from runner.actions import Action
from runner.agents.base import Act, Decision, Failed
from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint, Executed, read_checkpoint
from runner.events import Kept
from runner.frames import read_frame
from runner.replay.data import (
    Artifact,
    Attempt,
    CheckResult,
    Deed,
    Fact,
    Frame,
    Page,
    Run,
    ShownWindow,
    Step,
    Task,
)
from runner.replay.describe import detail, status_of, verb
from runner.replay.frames import to_frame
from runner.state import AttemptState, RunState, TaskState
from sandboxes.errors import InputError


def collect(state: RunState, store: ArtifactStore, task: str | None = None) -> Page:
    """The page of a run, or of one of its tasks.

    Raises InputError for an unknown task, InfraError where a blob is missing or damaged.
    """
    if task is not None and task not in state.tasks:
        raise InputError(f"task: {task!r} is not in run {state.id}; it has {', '.join(sorted(state.tasks))}")
    return _Collector(state, store).page([task] if task else list(state.tasks))


class _Collector:
    """Keeps each screenshot once, however many steps show it."""

    def __init__(self, state: RunState, store: ArtifactStore) -> None:
        self._state = state
        self._store = store
        self._instructions = {task.id: task.instruction for task in state.swarm.tasks}
        self._frames: dict[str, Frame] = {}

    def page(self, tasks: list[str]) -> Page:
        shown = tuple(self._task(self._state.tasks[task]) for task in tasks)
        return Page(run=self._run(), tasks=shown, frames=self._frames)

    def _run(self) -> Run:
        state = self._state
        return Run(
            id=state.id,
            name=state.swarm.name,
            status=status_of(state),
            started_at=state.started_at,
            wall_s=state.ended_at - state.started_at if state.ended_at else None,
        )

    def _task(self, task: TaskState) -> Task:
        return Task(
            id=task.id,
            instruction=self._instructions[task.id],
            status=task.status,
            reason=task.reason,
            attempts=tuple(self._attempt(attempt) for attempt in task.attempts),
        )

    def _attempt(self, attempt: AttemptState) -> Attempt:
        findings = attempt.verdict.findings if attempt.verdict else ()
        return Attempt(
            number=attempt.number,
            status=attempt.status,
            kind=attempt.failure or "",
            reason=attempt.reason,
            steps=tuple(self._steps(attempt)),
            checks=tuple(CheckResult(name=one.subject, ok=one.ok, detail=one.detail) for one in findings),
            inputs=_artifacts(attempt.inputs),
            outputs=_artifacts(attempt.outputs),
            facts=tuple(_attempt_facts(attempt)),
        )

    def _steps(self, attempt: AttemptState) -> Iterator[Step]:
        for taken in attempt.checkpoints:
            yield self._step(read_checkpoint(self._store, taken.sha256), attempt.started_at)

    def _step(self, checkpoint: Checkpoint, started_at: float) -> Step:
        screen, decision = checkpoint.screen, checkpoint.decision
        return Step(
            frame=self._frame(screen.frame),
            at_s=max(0.0, screen.taken_at - started_at),
            say=decision.say if decision else "ended",
            note=_note(decision),
            emitted=_emitted(decision),
            deeds=tuple(_deeds(decision, checkpoint.executed)),
            windows=tuple(
                ShownWindow(title=one.title, application=one.application, focused=one.id == screen.focus)
                for one in screen.windows
            ),
            facts=tuple(_step_facts(checkpoint)),
        )

    def _frame(self, sha256: str) -> str:
        if sha256 not in self._frames:
            self._frames[sha256] = to_frame(read_frame(self._store, sha256).image())
        return sha256


def _note(decision: Decision | None) -> str:
    if decision is None:
        return "The session ended before the agent decided."
    return decision.reason if isinstance(decision, Failed) else decision.note


def _emitted(decision: Decision | None) -> str:
    """What the agent said, one action a line."""
    if isinstance(decision, Act):
        return "\n".join(action.model_dump_json(exclude_defaults=True) for action in decision.actions)
    return decision.say if decision else ""


def _deeds(decision: Decision | None, executed: tuple[Executed, ...]) -> Iterator[Deed]:
    for done in executed:
        marks = (tuple((point.x, point.y) for point in done.points),) if done.points else ()
        yield _deed(done.action, marks, ok=done.ok, error=done.error)
    if isinstance(decision, Act):
        for action in decision.actions[len(executed) :]:
            yield _deed(action, (), ok=None, error="not carried out")


def _deed(
    action: Action, marks: tuple[tuple[tuple[int, int], ...], ...], ok: bool | None, error: str | None
) -> Deed:
    return Deed(verb=verb(action), detail=detail(action), marks=marks, ok=ok, error=error)


def _step_facts(checkpoint: Checkpoint) -> Iterator[Fact]:
    timings = checkpoint.timings
    for name, seconds in (
        ("looked", timings.look_s),
        ("decided", timings.agent_s),
        ("acted", timings.act_s),
        ("settled", timings.settle_s),
    ):
        yield name, f"{seconds:.2f} s"
    if checkpoint.decision is not None:
        yield from _usage_facts(checkpoint.decision.usage.tokens, checkpoint.decision.usage.money)
    yield "cursor", f"{checkpoint.screen.cursor.x}, {checkpoint.screen.cursor.y}"


def _attempt_facts(attempt: AttemptState) -> Iterator[Fact]:
    if attempt.ended_at is not None:
        yield "wall time", f"{attempt.ended_at - attempt.started_at:.1f} s"
    if attempt.desktop is not None:
        yield "desktop", attempt.desktop
    yield from _usage_facts(attempt.usage.tokens, attempt.usage.money)
    if attempt.ruling is not None:
        yield "then", f"{attempt.ruling.answer.replace('_', ' ')}: {attempt.ruling.reason}"


def _usage_facts(tokens: int, money: float) -> Iterator[Fact]:
    if tokens:
        yield "tokens", f"{tokens:,}"
    if money:
        yield "cost", f"${money:.4f}"


def _artifacts(kept: dict[str, Kept]) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(name=name, path=one.path, sha256=one.sha256, bytes=one.bytes) for name, one in kept.items()
    )
