"""Who may start a desktop now: a host starts only as many as its memory, processors and disk carry.

Desktops that wait stand in one line, first come, first served. A running desktop is never touched to make
room for another; only warm ones, which nobody uses, are given up.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from pydantic import ByteSize, Field, ValidationError

from sandboxes import machine
from sandboxes.errors import HostFull, InputError
from sandboxes.spec import DesktopSpec, Model

FIRST_GUESS = 256 << 20
"""Bytes a desktop is taken to use before one of its kind was measured, and at least after."""

_PER_PROCESSOR = 40
_ALONE_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_VARIABLES = {
    "max_desktops": "DESKSWARM_MAX_DESKTOPS",
    "reserve_memory": "DESKSWARM_RESERVE_MEMORY",
    "reserve_disk": "DESKSWARM_RESERVE_DISK",
}


class HostLimits(Model):
    """What a host may take of its machine. Sizes take units (`2GiB`)."""

    max_desktops: int | None = Field(
        default=None, ge=1, le=100_000, description="at once, warm ones too; by default 40 a processor"
    )
    reserve_memory: ByteSize = Field(default=ByteSize(1 << 30), description="left free of the memory")
    reserve_disk: ByteSize = Field(default=ByteSize(1 << 30), description="left free on the disk of the home")

    @classmethod
    def from_environment(cls) -> HostLimits:
        """Raises InputError for a variable that holds nonsense."""
        given = {name: os.environ[key] for name, key in _VARIABLES.items() if os.environ.get(key)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            variable = _VARIABLES[str(first["loc"][0])]
            raise InputError(f"{variable}: {first['input']!r}: {first['msg'].lower()}") from None


@dataclass(frozen=True, slots=True)
class Need:
    """What one desktop takes. Those of one kind, a backend and an image, are taken to use the same.

    `local`: it takes this machine's memory, at most `memory` bytes.
    """

    kind: tuple[str, str]
    memory: int
    local: bool

    @classmethod
    def of(cls, backend: str, spec: DesktopSpec, *, local: bool) -> Need:
        return cls((backend, spec.image), int(spec.limits.memory), local)


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a desktop does not start yet; `place` is its place in the line, from 1."""

    place: int
    reason: str


OnWait = Callable[[Wait], Awaitable[None]]
"""Told once, when a desktop has to wait."""


async def nobody(_wait: Wait) -> None:
    """An OnWait for who does not care."""


class Admission:
    """The line, and who is in. `give_up_warm` ends a warm desktop, if there is one, to make room."""

    def __init__(self, home: Path, limits: HostLimits, give_up_warm: Callable[[], Awaitable[bool]]) -> None:
        self._home = home
        self._limits = limits
        self._give_up_warm = give_up_warm
        self._inside: dict[str, Need] = {}
        self._used: dict[str, int] = {}
        self._most: dict[tuple[str, str], int] = {}
        self._line: deque[str] = deque()
        self._changed = anyio.Event()
        # More boots at once than processors would only make each of them slower, and its deadline harder.
        self._boots = anyio.CapacityLimiter(max(2, machine.processors()))

    @property
    def inside(self) -> Collection[str]:
        """The desktops that have their room."""
        return self._inside.keys()

    @asynccontextmanager
    async def starting(
        self, desktop_id: str, need: Need, on_wait: OnWait = nobody, patience_s: float = math.inf
    ) -> AsyncIterator[None]:
        """Wait until there is room, and take it; then, until a processor is free for the boot inside.

        Where that fails the room is given back, else by `leave`.
        Raises HostFull where there is none, and nothing that this host could wait for, or none within
        `patience_s`.
        """
        self._line.append(desktop_id)
        try:
            await self._wait_for_room(desktop_id, need, on_wait, patience_s)
            self._inside[desktop_id] = need
        finally:
            self._line.remove(desktop_id)
            self._tell()
        try:
            async with self._boots:
                yield
        except BaseException:
            self.leave(desktop_id)
            raise

    def enter(self, desktop_id: str, need: Need) -> None:
        """A desktop that runs already, and takes its room, is now this host's."""
        self._inside[desktop_id] = need

    def has_spare(self, need: Need) -> bool:
        """Whether nobody waits or boots, and there is room for a desktop that nobody asked for yet."""
        return not self._line and not self._boots.borrowed_tokens and self._obstacle(need) is None

    def leave(self, desktop_id: str) -> None:
        """A desktop has ended. Harmless where it is not inside."""
        self._used.pop(desktop_id, None)
        if self._inside.pop(desktop_id, None) is not None:
            self._tell()

    def measured(self, used: Mapping[str, int]) -> None:
        """The working sets, in bytes, of desktops inside."""
        for desktop_id, size in used.items():
            if desktop_id in self._inside:
                kind = self._inside[desktop_id].kind
                self._used[desktop_id] = size
                self._most[kind] = max(size, self._most.get(kind, 0))

    async def _wait_for_room(self, desktop_id: str, need: Need, on_wait: OnWait, patience_s: float) -> None:
        told, alone_until, give_up_at = False, None, anyio.current_time() + patience_s
        while (obstacle := self._reason_to_wait(desktop_id, need)) is not None:
            if self._line[0] == desktop_id and await self._give_up_warm():
                continue
            if not told:
                told = True
                await on_wait(Wait(self._line.index(desktop_id) + 1, obstacle))
            if not self._inside:
                alone_until = alone_until or anyio.current_time() + _ALONE_SECONDS
                if anyio.current_time() > alone_until:
                    raise HostFull(f"this machine cannot carry a desktop of {need.kind[1]!r}: {obstacle}")
            if anyio.current_time() > give_up_at:
                raise HostFull(f"no room within {patience_s:g} s: {obstacle}")
            await self._change()

    def _reason_to_wait(self, desktop_id: str, need: Need) -> str | None:
        if self._line[0] != desktop_id:
            return "others came first"
        return self._obstacle(need)

    def _obstacle(self, need: Need) -> str | None:
        """What stands in the way of one more desktop; None where nothing does."""
        most = self._limits.max_desktops or (_PER_PROCESSOR * machine.processors() if need.local else None)
        if most is not None and len(self._inside) >= most:
            return f"{len(self._inside)} desktops run, and {most} are the most"
        if not need.local:
            return None
        return self._too_little_memory(need) or self._too_little_disk()

    def _too_little_memory(self, need: Need) -> str | None:
        """Those inside may still grow to what others of their kind have used."""
        grow = sum(max(0, self._expected(one) - self._used.get(id_, 0)) for id_, one in self._inside.items())
        left = machine.free_memory() - grow - self._limits.reserve_memory
        needed = self._expected(need)
        if needed <= left:
            return None
        return f"it needs {_mib(needed)} of memory, and {_mib(max(0, left))} are left for more"

    def _too_little_disk(self) -> str | None:
        free = machine.free_disk(self._home)
        if free >= self._limits.reserve_disk:
            return None
        return f"{_mib(free)} are free on the disk, and {_mib(self._limits.reserve_disk)} are to be left"

    def _expected(self, need: Need) -> int:
        if not need.local:
            return 0
        return min(need.memory, max(FIRST_GUESS, self._most.get(need.kind, 0)))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _change(self) -> None:
        """Until someone left, or it is time to look at the machine again."""
        changed = self._changed
        with anyio.move_on_after(_LOOK_SECONDS):
            await changed.wait()


def _mib(size: int) -> str:
    return f"{size >> 20} MiB"
