"""Where a drill's run takes place: a host whose desktops can be hurt, and the agents that hurt them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import anyio
from anyio.abc import ByteStream

from runner.agents.base import Agent, Done, Reply, View
from runner.artifacts import Sha256, sha256
from runner.drill.rehearsal import Rehearsal
from runner.drill.twin import Player, steps_of
from runner.spec import Task
from runner.worker import Attempt, own_agent
from sandboxes.admission import OnWait, nobody
from sandboxes.backend import Backend, DesktopRecord
from sandboxes.desktop import Desktop
from sandboxes.egress.proxy import OnConnection, ignore
from sandboxes.host import DEFAULT_BACKEND, START_TIMEOUT_S, Host
from sandboxes.owner import Owner
from sandboxes.spec import Capabilities, DesktopSpec


class FreezableBackend:
    """A backend whose desktops can be made to fall silent: nothing gets to them or comes from them."""

    name: ClassVar[str] = "freezable"

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._streams: dict[str, list[_Freezable]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """It copies nothing, whatever the backend can."""
        return self._backend.capabilities.model_copy(update={"snapshots": "none", "live_fork": False})

    async def check(self) -> str:
        return await self._backend.check()

    async def prepare(self, spec: DesktopSpec) -> None:
        await self._backend.prepare(spec)

    async def create(self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        await self._backend.create(desktop_id, spec, owner, labels)

    async def connect(self, desktop_id: str) -> ByteStream:
        stream = _Freezable(await self._backend.connect(desktop_id))
        self._streams.setdefault(desktop_id, []).append(stream)
        return stream

    async def stop(self, desktop_id: str) -> None:
        self._streams.pop(desktop_id, None)
        await self._backend.stop(desktop_id)

    async def desktops(self) -> list[DesktopRecord]:
        return await self._backend.desktops()

    async def log(self, desktop_id: str) -> str:
        return await self._backend.log(desktop_id)

    async def reap(self) -> list[str]:
        return await self._backend.reap()

    def freeze(self, desktop_id: str) -> None:
        for stream in self._streams[desktop_id]:
            stream.frozen = True


class _Freezable(ByteStream):
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.frozen = False

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Frozen, it says nothing any more, not even that it has ended."""
        try:
            received = await self._stream.receive(max_bytes)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            if self.frozen:
                await anyio.sleep_forever()
            raise
        if self.frozen:
            await anyio.sleep_forever()
        return received

    async def send(self, item: bytes) -> None:
        if not self.frozen:
            await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


@dataclass(frozen=True, slots=True)
class Scene:
    """One fault's copy of the plan. It befalls the first attempt at `target`, and there these `outputs`.

    `before` is put on its desktop before the agent begins, by path.
    """

    rehearsal: Rehearsal
    target: str = ""
    outputs: tuple[str, ...] = ()
    before: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return self.rehearsal.task(self.target)

    def befalls(self, task: str, attempt: int) -> bool:
        return (task, attempt) == (self.target, 1)


@dataclass(frozen=True, slots=True)
class Turn:
    """A decision of the agent that the fault befalls; `number` counts its decisions, from 0."""

    stage: Stage
    desktop: Desktop
    agent: Agent
    view: View
    number: int

    @property
    def scene(self) -> Scene:
        return self.stage.scene

    def paths(self) -> list[str]:
        """Of the outputs that the fault is about."""
        return [self.scene.task.outputs[name].path for name in self.scene.outputs]

    async def honest(self) -> Reply:
        """What the agent says by itself."""
        return await self.agent.decide(self.view)


Sabotage = Callable[[Turn], Awaitable[Reply]]


class Stage(Host):
    """The host of one run. `injected_at` is when the fault was set going, in seconds since the epoch;
    `poison` has the hashes of what must not reach anybody."""

    def __init__(self, home: Path, backend: Backend, scene: Scene, sabotage: Sabotage | None = None) -> None:
        self.freezable = FreezableBackend(backend)
        super().__init__(home, backends={backend.name: self.freezable})
        self.scene = scene
        self.injected_at: float | None = None
        self.poison: set[Sha256] = set()
        self._sabotage = sabotage

    def inject(self, *poison: bytes) -> None:
        """The fault is set going now, unless it was before."""
        self.injected_at = self.injected_at or time.time()
        self.poison.update(map(sha256, poison))

    async def start(
        self,
        spec: DesktopSpec,
        *,
        holder: str,
        backend: str = DEFAULT_BACKEND,
        labels: Mapping[str, str] | None = None,
        on_connection: OnConnection = ignore,
        on_wait: OnWait = nobody,
        outlive_s: float = 0,
        timeout: float = START_TIMEOUT_S,
    ) -> Desktop:
        desktop = await super().start(
            spec,
            holder=holder,
            backend=backend,
            labels=labels,
            on_connection=on_connection,
            on_wait=on_wait,
            outlive_s=outlive_s,
            timeout=timeout,
        )
        told = labels or {}
        if self.scene.befalls(told.get("task", ""), int(told.get("attempt", 0))):
            try:
                for path, content in self.scene.before.items():
                    await desktop.files.write(path, content)
            except BaseException:
                await desktop.stop()
                raise
        return desktop

    def cast(self, attempt: Attempt, desktop: Desktop, folder: Path) -> Agent:
        """The agent of an attempt, played where the rehearsal says so; an `AgentMaker`."""
        task, rehearsal = attempt.task, self.scene.rehearsal
        agent: Agent = (
            Player(task.id, steps_of(rehearsal.swarm, task))
            if rehearsal.played
            else own_agent(attempt, desktop, folder)
        )
        left = rehearsal.leaves.get(task.id, {})
        if left:
            agent = _With(agent, _Leaves(agent, desktop, left).decide)
        if self._sabotage is not None and self.scene.befalls(task.id, attempt.number):
            agent = _With(agent, _Saboteur(self, desktop, agent, self._sabotage).decide)
        return agent


class _With:
    """An agent whose decisions are taken by something else; its life and its log stay its own."""

    def __init__(self, agent: Agent, decide: Callable[[View], Awaitable[Reply]]) -> None:
        self._agent = agent
        self._decide = decide

    @property
    def log(self) -> bytes:
        return self._agent.log

    async def __aenter__(self) -> Self:
        await self._agent.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._agent.__aexit__(kind, error, trace)

    async def decide(self, view: View) -> Reply:
        return await self._decide(view)


@dataclass(frozen=True, slots=True)
class _Leaves:
    """Puts files on the desktop when the agent is done, as its applications would have."""

    agent: Agent
    desktop: Desktop
    files: Mapping[str, bytes]

    async def decide(self, view: View) -> Reply:
        reply = await self.agent.decide(view)
        if isinstance(reply, Done):
            for path, content in self.files.items():
                await self.desktop.files.write(path, content)
        return reply


@dataclass(slots=True)
class _Saboteur:
    stage: Stage
    desktop: Desktop
    agent: Agent
    sabotage: Sabotage
    decisions: int = 0

    async def decide(self, view: View) -> Reply:
        turn = Turn(self.stage, self.desktop, self.agent, view, self.decisions)
        self.decisions += 1
        return await self.sabotage(turn)
