"""The conductor: carries a run from what its journal says to its end. It knows nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import anyio
from anyio.abc import TaskGroup

from runner.adoption import Adopted
from runner.arbitrator import rule_by_person
from runner.artifacts import ArtifactStore
from runner.consequences import (
    after_ruling,
    after_success,
    case_of,
    end_of,
    escalation_of,
    policies_of,
    releases,
    task_ended,
)
from runner.dispatch import dispatch
from runner.events import (
    AttemptEnded,
    AttemptStarted,
    DeadlockFound,
    DesktopReleased,
    EndStatus,
    Event,
    HandoffSent,
    LockGranted,
    LockReleased,
    RunEnded,
    SnapshotTaken,
    TaskReopened,
)
from runner.frontier import ENDED
from runner.graph import agent_of
from runner.handoff import Edges, Said, compose
from runner.locks import deadlock
from runner.outcome import Outcome
from runner.people import People
from runner.plan import PlannedTask
from runner.policy import rule
from runner.progress import NOWHERE, Progress
from runner.redaction.screen import Hidden
from runner.restoring import progress_at, saved_for
from runner.run_log import RunLog
from runner.spec import Task
from runner.state import rejected_outputs
from runner.warming import Warmer
from runner.worker import AgentMaker, Attempt, Worker, own_agent
from sandboxes.backend import load_backend
from sandboxes.background import background
from sandboxes.desktop import Desktop
from sandboxes.host import Host

_LOOK_S = 10.0


class Conductor:
    def __init__(
        self,
        host: Host,
        folder: Path,
        store: ArtifactStore,
        log: RunLog,
        parallel: int,
        agent_maker: AgentMaker = own_agent,
        adopted: Mapping[str, Adopted] = MappingProxyType({}),
    ) -> None:
        """`adopted` has the desktops, by task, on which a next attempt goes on."""
        self._host = host
        self._folder = folder
        self._store = store
        self._log = log
        self._parallel = parallel
        self._agent_maker = agent_maker
        self._planned = {planned.id: planned for planned in log.state.plan.tasks}
        self._tasks = {task.id: task for task in log.state.swarm.tasks}
        self._edges = Edges(log.state.swarm, log.state.plan)
        self._desktops = {task: one.desktop for task, one in adopted.items()}
        """The handles of the desktops held for tasks; that they are held is in the journal."""
        self._hidden: dict[str, Hidden] = {}
        """Where on those desktops secrets were typed, by the task each is held for."""
        self._progress = {task: one.progress for task, one in adopted.items()}
        self._changed = anyio.Event()
        own = (task for task in log.state.swarm.tasks if self._edges.desktop_from(task.id) is None)
        real = load_backend(log.state.backend, host.home).capabilities.real
        self._warmer = Warmer(host, log.state.backend, own) if real else None
        self._people = People(log, lambda: self._changed.set())

    async def run(self) -> None:
        """Until no task can move any more. However it ends, the journal says so."""
        state = self._log.state
        try:
            async with anyio.create_task_group() as attempts, background(self._people.attend):
                await self._take_stock()
                await self._dispatch_until_over(attempts)
                attempts.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            await self._end("cancelled")
            raise
        except BaseExceptionGroup as group:
            # What fails inside an attempt is its outcome; this is the controller's own trouble.
            error = _first(group)
            await self._end("failed", f"{type(error).__name__}: {error}")
            raise error from None
        succeeded = all(task.status == "succeeded" for task in state.tasks.values())
        await self._end("succeeded" if succeeded else "failed", state.aborted)

    async def _take_stock(self) -> None:
        """What a controller before this one held is gone with it, but for what has outlived it."""
        known = self._log.state.coordination
        gone = [
            DesktopReleased(task=task, desktop=held.desktop)
            for task, held in known.desktops.items()
            if task not in self._desktops
        ]
        left = [
            LockReleased(task=task, attempt=attempt, lock=lock)
            for lock, holders in known.locks.items()
            for task, attempt in holders.items()
            if attempt
        ]
        if gone or left:
            await self._log.write(*gone, *left)

    async def _dispatch_until_over(self, attempts: TaskGroup) -> None:
        state = self._log.state
        while not (state.frontier.over or state.aborted):
            self._changed = anyio.Event()
            if await self._settle_answers():
                continue
            moves = dispatch(state.frontier, self._parallel)
            for task_id, need in moves.blocked.items():
                ended = task_ended(state, self._tasks[task_id], "blocked", f"{need} was not done")
                await self._log.write(ended)
            for task_id in moves.start:
                await self._start(task_id, attempts)
            if self._warmer is not None:
                self._warmer.look_ahead(state.frontier, self._parallel)
            await self._drop_unclaimed()
            moved = moves.start or moves.blocked or await self._break_deadlock()
            if not moved:
                await self._change()

    async def _change(self) -> None:
        """Until something has happened that may move a task."""
        while not self._changed.is_set():
            with anyio.move_on_after(_LOOK_S if self._desktops else None):
                await self._changed.wait()
            await self._make_room()

    async def _make_room(self) -> None:
        """Where all at work wait for room, a desktop held for a task gives way: its sender makes it anew."""
        state = self._log.state
        running = [state.tasks[task_id].attempts[-1] for task_id in state.frontier.running]
        if self._desktops and running and all(state.place_in_line(attempt) for attempt in running):
            await self._release(*self._desktops.popitem())

    # --- attempts ------------------------------------------------------------------------------------

    async def _start(self, task_id: str, attempts: TaskGroup) -> None:
        task, known = self._tasks[task_id], self._log.state.tasks[task_id]
        sender, saved = self._edges.desktop_from(task_id), saved_for(known)
        if sender is not None and saved is None and task_id not in self._desktops:
            await self._redo(sender, task_id)
            return
        begun = progress_at(saved, known.attempts[-1]) if saved else NOWHERE
        number = len(known.attempts) + 1
        granted = [LockGranted(task=task_id, attempt=number, lock=lock) for lock in task.locks]
        await self._log.write(AttemptStarted(task=task_id, attempt=number, agent=known.agent), *granted)
        handed = self._desktops.pop(task_id, None)
        progress = self._progress.pop(task_id, NOWHERE) if handed else begun
        worker = self._worker(self._planned[task_id], number, handed, saved, progress)
        attempts.start_soon(self._carry_out, worker)

    async def _redo(self, sender: str, receiver: str) -> None:
        """A desktop can be handed over once; for another attempt at the receiver the sender makes it anew."""
        reason = f"the desktop it handed over to {receiver} is gone"
        round_ = self._log.state.tasks[sender].round + 1
        await self._log.write(
            TaskReopened(task=sender, round=round_, reason=reason, by="controller", needed_by=receiver)
        )

    async def _carry_out(self, worker: Worker) -> None:
        task, number = worker.attempt.task, worker.attempt.number
        try:
            ended = self._log.state.with_sums(await self._hold_locks(task, worker))
            events = await self._consequences(task, ended, worker)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                cut = AttemptEnded(task=task.id, attempt=number, status="cancelled", failure="cancelled")
                await self._log.write(self._log.state.with_sums(cut), *releases(task, number))
            raise
        if ended.failure is None:
            self._desktops.update(worker.desktops)
            self._hidden.update({name: worker.attempt.hidden.copy() for name in worker.desktops})
        await self._log.write(*events)
        if ended.failure is not None:
            for receiver, desktop in worker.desktops.items():
                await self._release(receiver, desktop)
        self._changed.set()

    async def _hold_locks(self, task: Task, worker: Worker) -> AttemptEnded:
        """Nobody keeps a lock from the others for ever."""
        limits = {lock: self._log.state.swarm.locks[lock].hold_s for lock in task.locks}
        with anyio.move_on_after(min(limits.values(), default=math.inf)):
            return await worker.run()
        lock = min(limits, key=lambda name: limits[name])
        return worker.ended(Outcome("timeout", f"lock {lock} was held for {limits[lock]:g} s", "lock"))

    def _worker(
        self,
        planned: PlannedTask,
        number: int,
        handed: Desktop | None,
        saved: SnapshotTaken | None,
        progress: Progress,
    ) -> Worker:
        state, task = self._log.state, self._tasks[planned.id]
        other = state.tasks[task.id].attempts[number - 1].agent
        attempt = Attempt(
            run=state.id,
            task=task,
            number=number,
            agent=agent_of(state.swarm, task, other),
            artifacts={name: state.output(ref.task, ref.output) for name, ref in planned.artifacts.items()},
            handoffs=self._received(planned),
            onward=self._edges.onward(task.id),
            contract=planned.hash,
            handed=handed,
            ask=partial(self._people.ask, task.id, number, escalation_of(state, task)),
            ledger=state.ledger,
            rejected=rejected_outputs(state.tasks[task.id].attempts[: number - 1]),
            secrets=self._log.secrets,
            hidden=self._hidden.pop(task.id, Hidden()) if handed else Hidden(),
            saved=saved.snapshot if saved else None,
            progress=progress,
            outlive_s=state.swarm.outlive_s or 0,
        )
        return Worker(
            self._host,
            state.backend,
            self._folder,
            self._store,
            self._log.write,
            attempt,
            self._agent_maker,
        )

    def _received(self, planned: PlannedTask) -> dict[str, HandoffSent]:
        sent = self._log.state.coordination.handoffs.get(planned.id, {})
        return {need: sent[need] for need in planned.needs if need in sent}

    # --- what follows ----------------------------------------------------------------------------------

    async def _consequences(self, task: Task, ended: AttemptEnded, worker: Worker) -> list[Event]:
        """What follows from an attempt's end, in the same transaction, so that no crash comes between."""
        state = self._log.state
        if ended.failure is None:
            return after_success(state, task, ended, worker.sent, self._edges.heir(task.id))
        case = case_of(state, task, ended, self._can_accept(task))
        ruling = await rule(case, policies_of(state, task), task.retry, self._folder)
        return [ended, *releases(task, ended.attempt), *after_ruling(state, task, case, ruling)]

    def _can_accept(self, task: Task) -> bool:
        """Where all that is needed of it was kept. Its desktop is gone when a person has answered."""
        kept = self._log.state.tasks[task.id].attempts[-1].outputs
        edges = self._edges.onward(task.id)
        return all(edge.handoff.mode == "fresh" and kept.keys() >= set(edge.wants.values()) for edge in edges)

    def _as_they_are(self, task: Task) -> list[HandoffSent]:
        """The handoffs of outputs that a person lets pass."""
        attempt, contract = self._log.state.tasks[task.id].attempts[-1], self._planned[task.id].hash
        edges = self._edges.onward(task.id)
        return [compose(edge, task.id, attempt.number, contract, Said(), attempt.outputs) for edge in edges]

    async def _settle_answers(self) -> bool:
        """Rule as people have answered. Whether anyone had."""
        state = self._log.state
        answered = list(state.coordination.unsettled())
        for question in answered:
            assert question.answer is not None
            task = self._tasks[question.asked.task]
            case = case_of(state, task, end_of(task, question, state), self._can_accept(task))
            ruling = rule_by_person(case, question.answer, state.tasks[task.id].attempts[-1].ruling)
            accepted = self._as_they_are(task) if ruling.answer == "accept" else []
            await self._log.write(*after_ruling(state, task, case, ruling, accepted))
        return bool(answered)

    async def _drop_unclaimed(self) -> None:
        """End the desktops held for tasks that will not start any more."""
        for task_id in [name for name in self._desktops if self._log.state.tasks[name].status in ENDED]:
            await self._release(task_id, self._desktops.pop(task_id))

    async def _release(self, task_id: str, desktop: Desktop) -> None:
        await desktop.stop()
        await self._log.write(DesktopReleased(task=task_id, desktop=desktop.id))

    async def _break_deadlock(self) -> bool:
        """Never silently: the last of the circle that holds a lock without running is given up, and told."""
        state = self._log.state
        holding = state.coordination.waiting_holders()
        circle = deadlock(state.frontier, holding) if holding else ()
        if not circle:
            return False
        victim = [wait.task for wait in circle if wait.task in holding][-1]
        told = " ".join(str(wait) for wait in circle)
        found = DeadlockFound(task=victim, cycle=circle, round=state.tasks[victim].round)
        ended = task_ended(state, self._tasks[victim], "failed", f"deadlock: {told}")
        await self._log.write(found, ended)
        return True

    async def _end(self, status: EndStatus, reason: str = "") -> None:
        with anyio.CancelScope(shield=True):
            await self._log.write(RunEnded(status=status, reason=reason, round=self._log.state.round))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
