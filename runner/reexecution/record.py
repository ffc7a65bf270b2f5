"""A recorded attempt, as re-execution needs it: what it began with, and its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint, read_checkpoint
from runner.events import Kept
from runner.frames import read_frame
from runner.graph import agent_of
from runner.handoff import Edges
from runner.reexecution.aim import waits
from runner.reexecution.structure import Structure, structure_of
from runner.spec import AgentSpec, Task
from runner.state import AttemptState, RunState
from runner.trees import read_tree
from sandboxes.errors import InputError
from sandboxes.frame import Frame
from sandboxes.observation import UiTree

# A session waits so long at most for the screen to come to rest; where it did, the screen did not.
_NEVER_AT_REST_S = 2.9


@dataclass(frozen=True)
class RecordedStep:
    """What was seen and what was then done. `passing` says that the look may have been of a screen that was
    about to change: nothing tells a later look at it apart from one at another state."""

    number: int
    checkpoint: Checkpoint
    passing: bool
    store: ArtifactStore

    @cached_property
    def frame(self) -> Frame:
        return read_frame(self.store, self.checkpoint.screen.frame)

    @cached_property
    def tree(self) -> UiTree:
        return read_tree(self.store, self.checkpoint.screen.tree)

    @cached_property
    def structure(self) -> Structure:
        screen = self.checkpoint.screen
        return structure_of(self.tree, screen.windows, screen.taken_at)


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot of the desktop as it was before a step."""

    step: int
    snapshot: str


@dataclass(frozen=True)
class Record:
    """An attempt from a fresh desktop on: that of a branch begins with the steps of what it was branched
    from, of which there are `before`. Steps are places in `checkpoints`, from 0; `inputs` were placed."""

    run: str
    task: Task
    agent: AgentSpec
    attempt: int
    backend: str
    inputs: Mapping[str, Kept]
    outputs: Mapping[str, Kept]
    checkpoints: tuple[Checkpoint, ...]
    before: int
    snapshots: tuple[Saved, ...]
    store: ArtifactStore

    def steps(self, start: int = 0) -> Iterator[RecordedStep]:
        """One after the other: their frames together would fill the memory."""
        for number, checkpoint in enumerate(self.checkpoints[start:], start):
            earlier = self.checkpoints[number - 1] if number else None
            unrest = earlier is not None and earlier.timings.settle_s >= _NEVER_AT_REST_S
            passing = unrest or (bool(checkpoint.executed) and waits(checkpoint.executed[0].action))
            yield RecordedStep(number, checkpoint, passing, self.store)


ReadState = Callable[[str], RunState]


def read_record(
    read_state: ReadState, store: ArtifactStore, run: str, task_id: str, number: int | None = None
) -> Record:
    """The attempt of this number, by default the last; `read_state` reads a run by its id.

    Raises InputError where there is none that can be carried out again, InfraError for what is missing.
    """
    state = read_state(run)
    attempt = _attempt(state, task_id, number)
    sender = Edges(state.swarm, state.plan).desktop_from(task_id)
    if sender is not None:
        raise InputError(
            f"task: {task_id} worked on a desktop that {sender} handed over; no fresh one is like it"
        )
    task = next(task for task in state.swarm.tasks if task.id == task_id)
    if task.osworld is not None:  # an imported run's would be somebody else's, and run on this machine
        raise InputError(f"task: {task_id} was set up by OSWorld's own code, which is not carried out again")
    own = tuple(read_checkpoint(store, taken.sha256) for taken in attempt.checkpoints)
    earlier, saved = _origin(state, read_state, store)
    return Record(
        run=state.id,
        task=task,
        agent=state.swarm.agents[attempt.agent] if attempt.agent else agent_of(state.swarm, task),
        attempt=attempt.number,
        backend=state.backend,
        inputs=attempt.inputs,
        outputs=attempt.outputs,
        checkpoints=earlier + own,
        before=len(earlier),
        snapshots=saved + tuple(Saved(len(earlier) + one.step, one.snapshot) for one in attempt.snapshots),
        store=store,
    )


def _origin(
    state: RunState, read_state: ReadState, store: ArtifactStore
) -> tuple[tuple[Checkpoint, ...], tuple[Saved, ...]]:
    """What came before the first step of a branch."""
    origin = state.branched
    if origin is None:
        return (), ()
    record = read_record(read_state, store, origin.run, origin.task, origin.attempt)
    count = record.before + origin.step
    snapshots = tuple(one for one in record.snapshots if one.step <= count)
    return record.checkpoints[:count], snapshots if record.backend == state.backend else ()


def _attempt(state: RunState, task_id: str, number: int | None) -> AttemptState:
    task = state.tasks.get(task_id)
    if task is None:
        known = ", ".join(sorted(state.tasks))
        raise InputError(f"task: {task_id!r} is not in run {state.id}; it has {known}")
    if not task.attempts:
        why = f"{task.reused.run} did it before" if task.reused else f"it is {task.status}"
        raise InputError(f"task: {task_id} has no attempt in run {state.id}; {why}")
    if number is not None and number > len(task.attempts):
        raise InputError(f"attempt: {task_id} has no attempt {number}; it has 1 to {len(task.attempts)}")
    chosen = task.attempts[-1 if number is None else number - 1]
    if not chosen.checkpoints:
        raise InputError(f"attempt: attempt {chosen.number} at {task_id} left no step")
    return chosen
