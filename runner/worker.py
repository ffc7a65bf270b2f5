"""A worker: one attempt at one task, on a desktop of its own, from its lease to its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import anyio
from anyio import to_thread

from runner.agents import make_agent
from runner.artifacts import ArtifactStore, Sha256
from runner.checkpoints import Trail
from runner.events import (
    AttemptEnded,
    ConnectionEnded,
    DesktopAwaited,
    DesktopLeased,
    InputPlaced,
    Kept,
    OutputKept,
    Recorder,
    VerdictGiven,
)
from runner.local_files import local_file
from runner.session import Outcome, Session, must_answer
from runner.spec import AgentSpec, Input, Task
from runner.spec import Output as OutputSpec
from runner.validator import DesktopEvidence, Output, validate
from sandboxes.admission import Wait
from sandboxes.desktop import Desktop
from sandboxes.egress.proxy import EgressRecord
from sandboxes.errors import DeskswarmError, FileError, InfraError
from sandboxes.host import Host


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a worker is told. `artifacts` has, by the input's name, what other tasks handed on."""

    run: str
    task: Task
    number: int
    agent: AgentSpec
    artifacts: Mapping[str, Kept]


@dataclass(slots=True)
class Worker:
    """`folder` is where the swarm's own files are; `evidence` grows as things go wrong."""

    host: Host
    backend: str
    folder: Path
    store: ArtifactStore
    record: Recorder
    attempt: Attempt
    evidence: dict[str, Sha256] = field(default_factory=dict)
    connections: int = 0

    async def run(self) -> AttemptEnded:
        """The attempt, from its desktop's start to its end. What fails in it is told by kind, not raised."""
        try:
            outcome = await self._on_desktop()
        except DeskswarmError as error:
            outcome = Outcome(error.kind, str(error))
        return AttemptEnded(
            task=self.attempt.task.id,
            attempt=self.attempt.number,
            status="failed" if outcome.failure else "succeeded",
            failure=outcome.failure,
            reason=outcome.reason,
            evidence=self.evidence,
        )

    async def _on_desktop(self) -> Outcome:
        run, task, number = self.attempt.run, self.attempt.task, str(self.attempt.number)
        desktop = await self.host.start(
            task.desktop,
            holder=f"{run}/{task.id}/{number}",
            backend=self.backend,
            labels={"run": run, "task": task.id, "attempt": number},
            on_connection=self._record_connection,
            on_wait=self._record_wait,
        )
        async with desktop:
            try:
                return await self._work(desktop)
            except InfraError:
                await self._keep_guest_log(desktop)
                raise

    async def _record_wait(self, wait: Wait) -> None:
        task, number = self.attempt.task.id, self.attempt.number
        await self.record(DesktopAwaited(task=task, attempt=number, place=wait.place, reason=wait.reason))

    async def _record_connection(self, ended: EgressRecord) -> None:
        self.connections += 1
        task, attempt, number = self.attempt.task.id, self.attempt.number, self.connections
        await self.record(ConnectionEnded(task=task, attempt=attempt, number=number, **asdict(ended)))

    async def _work(self, desktop: Desktop) -> Outcome:
        """Inputs in, session, outputs out, verdict."""
        task, number = self.attempt.task, self.attempt.number
        leased = DesktopLeased(task=task.id, attempt=number, desktop=desktop.id, epoch=desktop.lease.epoch)
        await self.record(leased)
        for name, source in task.inputs.items():
            try:
                await self._place(desktop, name, source)
            except FileError as error:
                return Outcome("contract", f"input {name}: {error}")
        outcome = await self._session(desktop)
        if outcome.failure is not None:
            return outcome
        outputs = {name: await self._take(desktop, name, spec) for name, spec in task.outputs.items()}
        verdict = await validate(task, number, DesktopEvidence(desktop, self.folder, outputs))
        await self.record(verdict)
        return _outcome(verdict)

    async def _place(self, desktop: Desktop, name: str, source: Input) -> None:
        content = await to_thread.run_sync(self._read, name, source)
        with must_answer(desktop):
            await desktop.files.write(source.to, content)
        kept = await self._keep(name, source.to, content)
        task, number = self.attempt.task.id, self.attempt.number
        await self.record(InputPlaced(task=task, attempt=number, file=kept))

    def _read(self, name: str, source: Input) -> bytes:
        if source.file is not None:
            return local_file(self.folder, source.file).read_bytes()
        return self.store.get(self.attempt.artifacts[name].sha256)

    async def _session(self, desktop: Desktop) -> Outcome:
        task, number = self.attempt.task, self.attempt.number
        trail = Trail(self.store, self.record, self.attempt.run, task.id, number)
        inputs = {name: source.to for name, source in task.inputs.items()}
        agent = make_agent(self.attempt.agent, self.folder)
        try:
            async with agent:
                return await Session(desktop, agent, trail, task.instruction, inputs, task.budget).run()
        finally:
            with anyio.CancelScope(shield=True):
                await self._keep_evidence("agent_log", agent.log)

    async def _take(self, desktop: Desktop, name: str, spec: OutputSpec) -> Output:
        """An output, kept before anyone rules on it; the verdict is then on these very bytes."""
        try:
            with must_answer(desktop):
                content = await desktop.files.read(spec.path, max_bytes=spec.max_bytes)
        except FileError as error:
            return Output(spec.path, error)
        kept = await self._keep(name, spec.path, content)
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
            self.evidence[name] = await to_thread.run_sync(self.store.put, content)


def _outcome(verdict: VerdictGiven) -> Outcome:
    failed = [f"{finding.subject}: {finding.detail}" for finding in verdict.findings if not finding.ok]
    return Outcome("contract", "; ".join(failed)) if failed else Outcome()
