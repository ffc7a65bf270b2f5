"""A worker: one attempt at one task, on a desktop of its own, from its lease to its verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import anyio
from anyio import to_thread

from runner.agents import make_agent, max_asked
from runner.agents.base import Agent
from runner.artifacts import ArtifactStore, Sha256
from runner.briefed import AskPerson, BriefedAgent
from runner.budget import Ledger
from runner.checkpoints import Trail
from runner.contracts import Known, look_before
from runner.events import (
    AttemptEnded,
    ConnectionEnded,
    DesktopAwaited,
    DesktopHandedOver,
    DesktopLeased,
    HandoffReceived,
    HandoffSent,
    InputPlaced,
    InputsUnread,
    Kept,
    OutputKept,
    Recorder,
    SnapshotTaken,
    VerdictGiven,
    Warned,
)
from runner.guard import Guard, out_of
from runner.handoff import Onward, Said, briefing, compose, over_limit, stale_inputs
from runner.judges import JudgeError
from runner.local_files import local_file
from runner.osworld.trial import Trial, trial_of
from runner.outcome import EVALUATOR, GAVE_UP, Outcome, must_answer
from runner.progress import NOWHERE, Progress
from runner.redaction.screen import Hidden, Redaction
from runner.redaction.secrets import NO_SECRETS, Secrets, check_no_secret
from runner.rules import Handoff
from runner.session import Session
from runner.setup import set_up
from runner.spec import AgentSpec, Input, Task
from runner.spec import Output as OutputSpec
from runner.validator import DesktopEvidence, Output, validate
from sandboxes.admission import Wait
from sandboxes.desktop import Desktop
from sandboxes.egress.proxy import EgressRecord
from sandboxes.errors import DeskswarmError, DesktopStartError, FileError, InfraError, SnapshotError
from sandboxes.host import Host


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a worker is told.

    `artifacts` has, by the input's name, what other tasks handed on; `handoffs` the messages they came with,
    by sender; `onward` whom this task hands on to, and `contract` the hash of what its outputs then satisfy.
    `handed` is the desktop the controller holds for it; without one, it works on a fresh one. `ask` puts a
    question of its agent to a person. `ledger` knows what is left of the budgets it shares; `rejected` has,
    by the output's name, what was refused of earlier attempts; `hidden` is where secrets were typed before on
    the desktop it takes on, or restores from the snapshot `saved`. `progress` is what was done before on that
    desktop; a fresh one outlives its controller for `outlive_s`.
    """

    run: str
    task: Task
    number: int
    agent: AgentSpec
    artifacts: Mapping[str, Kept]
    handoffs: Mapping[str, HandoffSent]
    onward: tuple[Onward, ...]
    contract: Sha256
    handed: Desktop | None
    ask: AskPerson
    ledger: Ledger
    rejected: Mapping[str, frozenset[Sha256]]
    secrets: Secrets = NO_SECRETS
    hidden: Hidden = field(default_factory=Hidden)
    saved: Sha256 | None = None
    progress: Progress = NOWHERE
    outlive_s: float = 0

    @property
    def holder(self) -> str:
        """As leases name it."""
        return f"{self.run}/{self.task.id}/{self.number}"


AgentMaker = Callable[[Attempt, Desktop, Path], Agent]
"""Makes the agent of an attempt, given its desktop and the swarm's folder; drills make others."""


def own_agent(attempt: Attempt, _desktop: Desktop, folder: Path) -> Agent:
    """The agent the plan says."""
    return make_agent(attempt.agent, folder, attempt.progress.steps)


@dataclass(slots=True)
class Worker:
    """`folder` is where the swarm's own files are. What grows: `evidence` as things go wrong; `sent` and
    `desktops`, by receiver, when the work has passed and is handed on."""

    host: Host
    backend: str
    folder: Path
    store: ArtifactStore
    record: Recorder
    attempt: Attempt
    agent_maker: AgentMaker = own_agent
    evidence: dict[str, Sha256] = field(default_factory=dict)
    connections: int = 0
    placed: dict[str, Kept] = field(default_factory=dict)
    outputs: dict[str, Kept] = field(default_factory=dict)
    said: Said = field(default_factory=Said)
    sent: list[HandoffSent] = field(default_factory=list)
    desktops: dict[str, Desktop] = field(default_factory=dict)

    async def run(self) -> AttemptEnded:
        """The attempt, from its desktop's start to its end. What fails in it is told by kind, not raised."""
        try:
            outcome = self._out_of_budget() or await self._on_desktop()
        except JudgeError as error:
            outcome = Outcome(error.kind, str(error), "no_verdict")
        except DeskswarmError as error:
            outcome = Outcome(error.kind, str(error), error.cause)
        return self.ended(outcome)

    def ended(self, outcome: Outcome) -> AttemptEnded:
        return AttemptEnded(
            task=self.attempt.task.id,
            attempt=self.attempt.number,
            status="failed" if outcome.failure else "succeeded",
            failure=outcome.failure,
            cause=outcome.cause,
            reason=outcome.reason,
            evidence=self.evidence,
        )

    def _out_of_budget(self) -> Outcome | None:
        """An outcome where a shared budget is used up, so that no desktop need be started."""
        spent = self.attempt.ledger.purse(self.attempt.task).shared_overdrawn()
        return None if spent is None else out_of(spent)

    async def _on_desktop(self) -> Outcome:
        """Leaving the block ends the desktop, unless it was handed on."""
        async with await self._take_desktop() as desktop:
            try:
                return await self._try(desktop)
            except InfraError:
                await self._keep_guest_log(desktop)
                raise

    async def _try(self, desktop: Desktop) -> Outcome:
        with trial_of(self.attempt.task, self.host.home, desktop) as trial:
            try:
                return await self._work(desktop, trial)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._keep_evidence("osworld_log", trial.log if trial else b"")

    async def _record_wait(self, wait: Wait) -> None:
        task, number = self.attempt.task.id, self.attempt.number
        await self.record(DesktopAwaited(task=task, attempt=number, place=wait.place, reason=wait.reason))

    async def _record_connection(self, ended: EgressRecord) -> None:
        self.connections += 1
        task, attempt, number = self.attempt.task.id, self.attempt.number, self.connections
        await self.record(ConnectionEnded(task=task, attempt=attempt, number=number, **asdict(ended)))

    async def _take_desktop(self) -> Desktop:
        attempt = self.attempt
        if attempt.handed is not None:
            try:
                return await attempt.handed.hand_over(attempt.holder, self._record_connection)
            except DeskswarmError:
                await attempt.handed.stop()
                raise
        labels = {"run": attempt.run, "task": attempt.task.id, "attempt": str(attempt.number)}
        if attempt.saved is not None:
            return await self._restore(attempt.saved, labels)
        return await self.host.start(
            attempt.task.desktop,
            holder=attempt.holder,
            backend=self.backend,
            labels=labels,
            on_connection=self._record_connection,
            on_wait=self._record_wait,
            outlive_s=attempt.outlive_s,
        )

    async def _restore(self, saved: Sha256, labels: dict[str, str]) -> Desktop:
        try:
            return await self.host.restore(
                saved,
                holder=self.attempt.holder,
                labels=labels,
                on_connection=self._record_connection,
                on_wait=self._record_wait,
            )
        except SnapshotError as error:  # nobody's fault; the next attempt begins on a fresh desktop
            raise DesktopStartError(f"the saved desktop cannot be gone back to: {error}") from error

    async def _work(self, desktop: Desktop, trial: Trial | None) -> Outcome:
        """Set-up and inputs, session, outputs, verdict, and on to the next."""
        task, number = self.attempt.task, self.attempt.number
        leased = DesktopLeased(
            task=task.id,
            attempt=number,
            desktop=desktop.id,
            epoch=desktop.lease.epoch,
            restored=self.attempt.saved,
        )
        await self.record(leased)
        if trial is not None and not self.attempt.progress.under_way:
            await trial.set_up()
        outcome = await self._receive(desktop)
        if outcome.failure is None:
            await self._set_up(desktop)
            known = Known(await self._look_before(desktop), self.attempt.rejected)
            outcome = _where_feasible(task, await self._session(desktop))
        if outcome.failure is None:
            outputs = {name: await self._take(desktop, name, spec) for name, spec in task.outputs.items()}
            evidence = DesktopEvidence(desktop, self.folder, outputs, known, trial)
            verdict = await validate(task, number, evidence, self.record)
            await self.record(verdict)
            outcome = _outcome(verdict)
        if outcome.failure is None:
            outcome = await self._hand_on(desktop)
        return outcome

    async def _set_up(self, desktop: Desktop) -> None:
        """Where nobody worked on the desktop before, and it is a real one."""
        attempt = self.attempt
        fresh = attempt.handed is None and attempt.saved is None and not attempt.progress.under_way
        if fresh and self.host.backends.get(self.backend).capabilities.real:
            await set_up(desktop, attempt.task.setup)

    async def _look_before(self, desktop: Desktop) -> dict[str, Sha256]:
        """What is there once the agent has begun may be its own."""
        progress = self.attempt.progress
        if progress.before is not None:
            return dict(progress.before)
        return {} if progress.begun else await look_before(desktop, self.attempt.task.outputs)

    async def _receive(self, desktop: Desktop) -> Outcome:
        """Every input, compared with what was promised, and the receipt of every handoff."""
        task, number = self.attempt.task, self.attempt.number
        stale = next(stale_inputs(self.attempt.handoffs, self.attempt.artifacts), None)
        if stale is not None:
            return Outcome("contract", stale, "stale_input")
        self.placed.update(self.attempt.progress.placed)  # half edited by now, maybe
        for name, source in task.inputs.items():
            try:
                if name not in self.placed:
                    await self._place(desktop, name, source)
            except FileError as error:
                return Outcome("contract", f"input {name}: {error}", "input")
        for sender, message in self.attempt.handoffs.items():
            received = HandoffReceived(
                task=task.id, attempt=number, sender=sender, sender_attempt=message.attempt
            )
            await self.record(received)
        return Outcome()

    async def _hand_on(self, desktop: Desktop) -> Outcome:
        """Nothing is sent before all of it is found to be in order."""
        messages = [(edge, self._message(edge)) for edge in self.attempt.onward]
        for edge, message in messages:
            if problem := over_limit(edge, message):
                return Outcome("contract", problem, "brief")
        # Copies are made before the desktop itself goes: from then on this attempt cannot use it.
        for _, message in sorted(messages, key=lambda item: item[1].mode == "transfer"):
            if message.mode == "fork":
                await self._hand_over(await desktop.fork(self._receiver(message)), message, desktop.id)
            elif message.mode == "transfer":
                with anyio.CancelScope(shield=True):  # its owner and the journal's must not part
                    await self._hand_over(await desktop.hand_over(self._receiver(message)), message)
        self.sent = [message for _, message in messages]
        return Outcome()

    def _message(self, edge: Onward) -> HandoffSent:
        attempt = self.attempt
        return compose(edge, attempt.task.id, attempt.number, attempt.contract, self.said, self.outputs)

    def _receiver(self, message: HandoffSent) -> str:
        return f"{self.attempt.run}/{message.to}"

    async def _hand_over(self, passed: Desktop, message: HandoffSent, fork_of: str | None = None) -> None:
        """To the controller, which holds it until the receiver starts. An old handle is fenced already."""
        self.desktops[message.to] = passed
        handed = DesktopHandedOver(
            task=message.task,
            attempt=message.attempt,
            desktop=passed.id,
            epoch=passed.lease.epoch,
            to=message.to,
            fork_of=fork_of,
        )
        with anyio.CancelScope(shield=True):
            await self.record(handed)

    async def _place(self, desktop: Desktop, name: str, source: Input) -> None:
        content = await to_thread.run_sync(self._read, name, source)
        if self.attempt.progress.before is None:
            with must_answer(desktop):
                await desktop.files.write(source.to, content)
        kept = self.placed[name] = await self._keep(name, source.to, content)
        task, number = self.attempt.task.id, self.attempt.number
        await self.record(InputPlaced(task=task, attempt=number, file=kept))

    def _read(self, name: str, source: Input) -> bytes:
        if source.file is not None:
            return local_file(self.folder, source.file).read_bytes()
        if source.stored is not None:
            return self.store.get(source.stored)
        return self.store.get(self.attempt.artifacts[name].sha256)

    async def _session(self, desktop: Desktop) -> Outcome:
        task, number = self.attempt.task, self.attempt.number
        redaction = Redaction(self.attempt.secrets, task.secrets, task.redact, self.attempt.hidden)
        trail = Trail(self.store, self.record, self.attempt.run, task.id, number, redaction)
        inputs = {name: source.to for name, source in task.inputs.items()}
        agent = self.agent_maker(self.attempt, desktop, self.folder)
        briefed = self._briefed(agent)
        try:
            async with agent:
                purse = self.attempt.ledger.purse(task)
                guard = Guard(desktop, task, number, purse, self.record, self.folder)
                session = Session(
                    desktop,
                    briefed,
                    trail,
                    task.instruction,
                    inputs,
                    guard,
                    self.attempt.progress,
                    self._saver(desktop),
                )
                outcome = await session.run()
        finally:
            with anyio.CancelScope(shield=True):
                await self._keep_evidence("agent_log", agent.log)
        self.said = briefed.said
        return outcome if outcome.failure else await self._check_reading(briefed)

    def _saver(self, desktop: Desktop) -> Callable[[int, int], Awaitable[None]] | None:
        """What saves the desktop before steps, where the task asks for it and a saved one can go on."""
        asked = self.attempt.task.snapshots
        if asked is None or self.host.backends.get(self.backend).capabilities.snapshots != "machine":
            return None
        task, number = self.attempt.task.id, self.attempt.number

        async def save(step: int, acted: int) -> None:
            if step == 0 or step % asked.every:
                return
            try:
                saved = await desktop.snapshot(f"{self.attempt.holder}/{step}")
            except SnapshotError as error:  # the work itself does without
                message = f"not saved: {error}"
                await self.record(
                    Warned(task=task, attempt=number, monitor="snapshots", step=step, message=message)
                )
            else:
                await self.record(
                    SnapshotTaken(task=task, attempt=number, step=step, acted=acted, snapshot=saved.id)
                )

        return save

    def _briefed(self, agent: Agent) -> BriefedAgent:
        attempt = self.attempt
        return BriefedAgent(
            agent=agent,
            briefings=[briefing(message) for message in attempt.handoffs.values()],
            placed={name: self.placed[name] for name in attempt.artifacts},
            record=self.record,
            ask=attempt.ask,
            task=attempt.task.id,
            attempt=attempt.number,
            max_asked=max_asked(attempt.agent),
            read=set(attempt.progress.read),
        )

    async def _check_reading(self, briefed: BriefedAgent) -> Outcome:
        """An input that was never read is told, and fails the attempt where the handoff asks for it."""
        task, number = self.attempt.task, self.attempt.number
        if briefed.unread:
            await self.record(InputsUnread(task=task.id, attempt=number, names=briefed.unread))
        for sender, message in self.attempt.handoffs.items():
            missed = [name for name in message.inputs if name in briefed.unread]
            if missed and task.handoffs.get(sender, Handoff()).must_read:
                return Outcome("contract", f"never read: {', '.join(missed)} from {sender}", "unread")
        return Outcome()

    async def _take(self, desktop: Desktop, name: str, spec: OutputSpec) -> Output:
        """An output, kept before anyone rules on it; the verdict is then on these very bytes."""
        try:
            with must_answer(desktop):
                content = await desktop.files.read(spec.path, max_bytes=spec.max_bytes)
        except FileError as error:
            return Output(spec.path, error)
        await to_thread.run_sync(
            check_no_secret, self.attempt.secrets, f"output {name}: {spec.path}", content
        )
        kept = self.outputs[name] = await self._keep(name, spec.path, content)
        task, number = self.attempt.task.id, self.attempt.number
        await self.record(OutputKept(task=task, attempt=number, file=kept))
        return Output(spec.path, content)

    async def _keep(self, name: str, path: str, content: bytes) -> Kept:
        digest = await to_thread.run_sync(self.store.put, content)
        return Kept(name=name, path=path, sha256=digest, bytes=len(content))

    async def _keep_guest_log(self, desktop: Desktop) -> None:
        """Before the desktop's end takes it away."""
        log = await self.host.log(desktop.id)
        await self._keep_evidence("guest_log", log.encode())

    async def _keep_evidence(self, name: str, content: bytes) -> None:
        if content:
            masked = self.attempt.secrets.mask_log(content)
            self.evidence[name] = await to_thread.run_sync(self.store.put, masked)


def _where_feasible(task: Task, outcome: Outcome) -> Outcome:
    """Of a task that cannot be done: to give up is right, and to say that it is done is not."""
    if task.feasible:
        return outcome
    if outcome.failure is None:
        return Outcome("contract", "it cannot be done, and its agent says it is", "feasible")
    return Outcome() if outcome.cause == GAVE_UP else outcome


def _outcome(verdict: VerdictGiven) -> Outcome:
    """What failed of the work comes before what failed of a check."""
    failed = sorted((one for one in verdict.findings if not one.ok), key=lambda one: one.cause == EVALUATOR)
    if verdict.passed:
        return Outcome()
    reason = "; ".join(f"{finding.subject}: {finding.detail}" for finding in failed)
    return Outcome("contract", reason, "conflict" if verdict.conflict else failed[0].cause)
