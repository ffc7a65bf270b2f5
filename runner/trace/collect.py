"""From events to spans: the run, its tasks, their attempts, steps and actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint, Executed, read_checkpoint
from runner.events import (
    ActIntended,
    AttemptEnded,
    AttemptStarted,
    CheckpointTaken,
    DesktopLeased,
    Event,
    HandoffReceived,
    InputPlaced,
    TaskReused,
)
from runner.journal import Record
from runner.state import AttemptState, RunState, fold
from runner.trace.drafts import Draft, Place, context_of
from runner.trace.told import error_of, of_step, tell, usage_of


def spans_of(records: Sequence[Record], store: ArtifactStore) -> list[ReadableSpan]:
    """The spans of a run, given all its events in order, the run's own first; of what has not ended yet, up
    to the last event. Raises InfraError for a checkpoint that is missing or damaged."""
    trace = _Trace(fold(records), records[-1].at, store)
    for record in records:
        trace.take(record)
    return [draft.span() for draft in trace.drafts]


@dataclass(slots=True)
class _Step:
    """The step that an attempt is in: since when, and the actions begun in it with their times."""

    since: float
    begun: list[tuple[float, ActIntended]] = field(default_factory=list)


class _Trace:
    """Takes in a run's events one by one; `drafts` grows."""

    def __init__(self, state: RunState, last: float, store: ArtifactStore) -> None:
        self._state = state
        self._last = last
        self._store = store
        self._agents = {task.id: task.agent for task in state.swarm.tasks}
        self._run = _run_draft(state, last)
        self._tasks: dict[str, Draft] = {}
        self._attempts: dict[tuple[str, int], Draft] = {}
        self._steps: dict[tuple[str, int], _Step] = {}
        self.drafts = [self._run]

    def take(self, record: Record) -> None:
        event = record.event
        if event.task:
            self._task(event.task, record.at)
        key = (event.task, event.attempt)
        match event:
            case AttemptStarted():
                self._start_attempt(event, record.at)
            case ActIntended():
                self._steps[key].begun.append((record.at, event))
            case CheckpointTaken():
                self._end_step(event, record.at, read_checkpoint(self._store, event.sha256))
            case DesktopLeased() | InputPlaced():
                self._steps[key].since = record.at
            case HandoffReceived():
                self._steps[key].since = record.at
                self._attempts[key].link(self._sender(event))
            case TaskReused():
                self._tasks[event.task].link(context_of(event.run, event.task, event.did))
            case AttemptEnded() if self._steps[key].begun:
                self._end_step(event, record.at, None)
        self._tell(event, record.at)

    def _task(self, name: str, at: float) -> None:
        """A task lasts from the first event of it to the last; one that is cut off, to its end."""
        if name not in self._tasks:
            self._tasks[name] = _task_draft(self._state, name, at)
            self.drafts.append(self._tasks[name])
        ended_at = self._state.tasks[name].ended_at
        self._tasks[name].end = self._last if ended_at is None else max(at, ended_at)

    def _start_attempt(self, event: AttemptStarted, at: float) -> None:
        attempt = self._state.tasks[event.task].attempts[event.attempt - 1]
        own = self._agents.get(event.task)
        agent = event.agent or (own if isinstance(own, str) else None)
        draft = _attempt_draft(self._state.id, event.task, attempt, agent, self._last)
        self._attempts[event.task, event.attempt] = draft
        self._steps[event.task, event.attempt] = _Step(at)
        self.drafts.append(draft)

    def _end_step(self, event: CheckpointTaken | AttemptEnded, at: float, seen: Checkpoint | None) -> None:
        """With a checkpoint or, where the controller died in the step, without."""
        step = self._steps[event.task, event.attempt]
        number = event.step if isinstance(event, CheckpointTaken) else step.begun[0][1].step
        place = (event.task, event.attempt, number)
        attributes = of_step(seen) if seen else {}
        self.drafts.append(Draft(self._state.id, place, "step", step.since, at, attributes))
        self.drafts.extend(_action_drafts(self._state.id, place, step, at, seen.executed if seen else ()))
        self._steps[event.task, event.attempt] = _Step(at)

    def _sender(self, event: HandoffReceived) -> SpanContext:
        """The attempt that handed on: where its work was taken from an earlier run, one of that run's."""
        reused = self._state.tasks[event.sender].reused
        run = reused.run if reused else self._state.id
        return context_of(run, event.sender, event.sender_attempt)

    def _tell(self, event: Event, at: float) -> None:
        """As an event of the innermost span that it is of and that has not ended."""
        told = tell(event)
        if told is None:
            return
        attempt = self._attempts.get((event.task, event.attempt))
        inner = attempt if attempt is not None and at <= attempt.end else self._tasks.get(event.task)
        name, attributes = told
        (inner or self._run).add(name, at, attributes)


def _run_draft(state: RunState, last: float) -> Draft:
    attributes = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": state.swarm.name,
        "deskswarm.backend": state.backend,
        "deskswarm.plan.pattern": state.swarm.pattern,
        "deskswarm.plan.tasks": len(state.plan.tasks),
        "deskswarm.status": state.status,
    }
    error = "" if state.status in ("running", "succeeded") else state.status
    name = f"invoke_workflow {state.swarm.name}"
    return Draft(state.id, (), name, state.started_at, last, attributes, error)


def _task_draft(state: RunState, name: str, at: float) -> Draft:
    task = state.tasks[name]
    attributes = {
        "deskswarm.status": task.status,
        "deskswarm.task.needs": state.frontier.nodes[name].needs,
        "deskswarm.task.attempts": len(task.attempts),
    }
    error: str = task.status if task.status in ("failed", "blocked", "cancelled") else ""
    if error == "failed" and task.attempts:
        error = error_of(task.attempts[-1]) or error
    return Draft(state.id, (name,), f"task {name}", at, at, attributes, error)


def _attempt_draft(run: str, task: str, attempt: AttemptState, agent: str | None, last: float) -> Draft:
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "deskswarm",
        "gen_ai.agent.name": agent,
        "deskswarm.status": attempt.status,
        "deskswarm.desktop.id": attempt.desktop,
        "deskswarm.attempt.steps": attempt.steps,
        **usage_of(attempt.usage),
    }
    end = last if attempt.ended_at is None else attempt.ended_at
    name = " ".join(filter(None, ("invoke_agent", agent)))
    return Draft(run, (task, attempt.number), name, attempt.started_at, end, attributes, error_of(attempt))


def _action_drafts(
    run: str, step: Place, during: _Step, end: float, executed: tuple[Executed, ...]
) -> Iterator[Draft]:
    """Each begins when it was journaled; it ends before the next begins, at the latest."""
    nexts = [at for at, _ in during.begun[1:]]
    for (start, begun), latest in zip(during.begun, [*nexts, end], strict=False):
        done = executed[begun.action] if begun.action < len(executed) else None
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": begun.does,
            "gen_ai.tool.type": "function",
            "deskswarm.action.number": begun.action,
            "deskswarm.action.known": done is not None,
        }
        yield Draft(
            run,
            (*step, begun.action),
            f"execute_tool {begun.does}",
            start,
            min(start + done.took_s, latest) if done else latest,
            attributes,
            "action_failed" if done and not done.ok else "",
        )
