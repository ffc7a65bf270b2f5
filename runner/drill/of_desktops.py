"""Faults of desktops, and of the controller."""

from __future__ import annotations

import os
import posixpath
import signal

from runner.agents.base import Done, Reply
from runner.drill.fault import Fault, Undisturbed, anywhere, ended, found, with_outputs
from runner.drill.rehearsal import Rehearsal
from runner.drill.stage import Scene, Turn
from runner.plan import make_plan
from runner.resume import CAUSE as CONTROLLER_DIED
from sandboxes.files import LOOK_TIMEOUT_S, Files
from sandboxes.guest.protocol import FileEntry


async def _kill(turn: Turn) -> Reply:
    if turn.number == 1:
        turn.stage.inject()
        await turn.stage.freezable.stop(turn.desktop.id)
    return await turn.honest()


async def _freeze(turn: Turn) -> Reply:
    if turn.number == 1:
        turn.stage.inject()
        turn.stage.freezable.freeze(turn.desktop.id)
    return await turn.honest()


async def _lie(turn: Turn) -> Reply:
    """The files are gone, and the desktop goes on saying that they are there."""
    reply = await turn.honest()
    if isinstance(reply, Done):
        turn.stage.inject()
        sizes = {}
        for path in turn.paths():
            if await turn.desktop.files.exists(path):
                sizes[path] = len(await turn.desktop.files.read(path))
                await turn.desktop.files.remove(path)
        turn.desktop.files = _LyingFiles(turn.desktop.files, sizes)
    return reply


async def _kill_controller(turn: Turn) -> Reply:
    if turn.number == 1:
        turn.stage.inject()
        print(turn.stage.injected_at, flush=True)  # to the process that looks on, runner.drill.play
        os.kill(os.getpid(), signal.SIGKILL)
    return await turn.honest()


def _last(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    """When most of the work is done already."""
    return Scene(rehearsal, make_plan(rehearsal.swarm).tasks[-1].id)


class _LyingFiles(Files):
    """The files of a desktop that lists what is not there."""

    def __init__(self, honest: Files, sizes: dict[str, int]) -> None:
        self._honest = honest
        self._sizes = sizes

    async def list(self, path: str, *, timeout: float = LOOK_TIMEOUT_S) -> tuple[FileEntry, ...]:
        if path not in self._sizes:
            return await self._honest.list(path, timeout=timeout)
        return (FileEntry(name=posixpath.basename(path), kind="file", size=self._sizes[path]),)

    async def exists(self, path: str, *, timeout: float = LOOK_TIMEOUT_S) -> bool:
        return path in self._sizes or await self._honest.exists(path, timeout=timeout)

    async def read(self, path: str, *, max_bytes: int = 64 << 20, timeout: float = 60.0) -> bytes:
        return await self._honest.read(path, max_bytes=max_bytes, timeout=timeout)

    async def write(self, path: str, data: bytes, *, mode: int = 0o644, timeout: float = 60.0) -> None:
        await self._honest.write(path, data, mode=mode, timeout=timeout)


FAULTS = (
    Fault("desktop killed", "connection (infra.lost)", anywhere, _kill, ended("infra", "lost")),
    Fault("desktop frozen", "heartbeat (infra.silent)", anywhere, _freeze, ended("infra", "silent")),
    Fault(
        "guest lies",
        "validator (contract.missing)",
        lambda rehearsal, _: with_outputs(rehearsal, lambda task: tuple(task.outputs)),
        _lie,
        found("missing"),
    ),
    Fault(
        "controller killed",
        f"resume (cancelled.{CONTROLLER_DIED})",
        _last,
        _kill_controller,
        ended("cancelled", CONTROLLER_DIED),
        kills=True,
    ),
)
