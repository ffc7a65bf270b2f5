"""Warm desktops: booted before anyone asks, leased at once, and never used again after a lease.

A pool belongs to one host, whose process owns its desktops like any others: should it die, its reaper ends
them too. It boots one desktop at a time, and only while nobody waits for a desktop or boots one.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import anyio

from sandboxes.backend import Backend, DesktopRecord
from sandboxes.connection import Connection
from sandboxes.deadline import deadline
from sandboxes.errors import DeskswarmError
from sandboxes.lease import Lease
from sandboxes.spec import DesktopSpec, Limits

MAX_AGE_S = 600.0
"""An older warm desktop is ended, and another one booted where it is still wanted."""

WARM_LABELS = {"deskswarm": "warm"}
"""The labels of a desktop that nobody has leased yet."""

HOLDER = "pool"
LEASE_TIMEOUT_S = 10.0
_LOOK_SECONDS = 1.0
_LONGEST_LIFE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a warm desktop can stand in for: the same spec on the same backend."""

    backend: Backend
    spec: DesktopSpec


class Maker(Protocol):
    """What a pool needs of its host."""

    def has_spare(self, kind: Kind) -> bool:
        """Whether there is room for a desktop that nobody asked for yet, and nobody in a hurry."""
        ...

    async def boot_warm(self, kind: Kind) -> Connection:
        """A desktop that nobody uses yet, under a lease of the pool's. Raises DeskswarmError."""
        ...

    async def discard(self, desktop_id: str) -> None:
        """End a desktop. Raises DeskswarmError."""
        ...


@dataclass(slots=True)
class _Shelf:
    """The warm desktops of one kind, the oldest first, with the time each was ready."""

    wanted: int = 0
    ready: deque[tuple[Connection, float]] = field(default_factory=deque)
    failed: bool = False


class Pool:
    """Made by a Host, which keeps `run` going."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._shelves: dict[Kind, _Shelf] = {}
        self._changed = anyio.Event()

    def want(self, kind: Kind, count: int) -> None:
        """Keep so many of a kind warm from now on; 0 ends those that are."""
        shelf = self._shelves.setdefault(kind, _Shelf())
        shelf.wanted, shelf.failed = count, False
        self._changed.set()

    def ready(self, kind: Kind) -> int:
        """How many of a kind can be leased at once."""
        shelf = self._shelves.get(kind)
        return 0 if shelf is None else sum(_lives(connection) for connection, _ in shelf.ready)

    async def lease(self, kind: Kind, holder: str, outlive_s: float = 0) -> Connection | None:
        """A warm desktop, now `holder`'s; None where none is ready. One that has died is never given out."""
        shelf = self._shelves.get(kind)
        while shelf is not None and shelf.ready:
            connection, _ = shelf.ready.popleft()
            self._changed.set()
            if await self._hand_out(connection, connection.lease.passed_to(holder, outlive_s)):
                return connection
        return None

    async def give_up_one(self) -> bool:
        """End the oldest warm desktop of any kind to make room; whether there was one."""
        filled = [shelf for shelf in self._shelves.values() if shelf.ready]
        if not filled:
            return False
        shelf = min(filled, key=lambda shelf: shelf.ready[0][1])
        shelf.wanted = max(0, shelf.wanted - 1)
        await self._end(shelf.ready.popleft()[0])
        return True

    async def run(self) -> None:
        """Boot and end desktops as it is wanted. Until cancelled."""
        while True:
            self._changed = anyio.Event()
            for kind, shelf in list(self._shelves.items()):
                await self._tidy(shelf)
                await self._fill(kind, shelf)
            # Room, and age, change without a word to us.
            busy = any(shelf.wanted or shelf.ready for shelf in self._shelves.values())
            with anyio.move_on_after(_LOOK_SECONDS if busy else None):
                await self._changed.wait()

    async def _hand_out(self, connection: Connection, lease: Lease) -> bool:
        """Whether it became the holder's. Where it did not, it is ended, also where we are cancelled."""
        try:
            with deadline(f"the lease of {connection.lease.desktop_id}", LEASE_TIMEOUT_S):
                await connection.pass_to(lease)
        except DeskswarmError:  # it died, or hangs: the caller gets another
            await self._end(connection)
            return False
        except BaseException:
            await self._end(connection)
            raise
        return True

    async def _tidy(self, shelf: _Shelf) -> None:
        """End what has died, has grown old or is too many."""
        now = anyio.current_time()
        kept: deque[tuple[Connection, float]] = deque()
        ended: list[Connection] = []
        for connection, since in shelf.ready:
            stays = _lives(connection) and now - since < MAX_AGE_S and len(kept) < shelf.wanted
            kept.append((connection, since)) if stays else ended.append(connection)
        shelf.ready = kept
        for connection in ended:
            await self._end(connection)

    async def _fill(self, kind: Kind, shelf: _Shelf) -> None:
        """Boot one more, if it is wanted and there is room. A failure is told by the next real start."""
        if shelf.failed or len(shelf.ready) >= shelf.wanted or not self._maker.has_spare(kind):
            return
        try:
            connection = await self._maker.boot_warm(kind)
        except DeskswarmError:
            shelf.failed = True
            return
        shelf.ready.append((connection, anyio.current_time()))
        self._changed.set()

    async def _end(self, connection: Connection) -> None:
        """Where that fails, the desktop stays the host's, which ends it with all others, or says why not."""
        with suppress(DeskswarmError):
            await self._maker.discard(connection.lease.desktop_id)


def is_warm(record: DesktopRecord) -> bool:
    """Whether nobody has leased it yet."""
    return record.labels == WARM_LABELS


def with_time_to_wait(spec: DesktopSpec) -> DesktopSpec:
    """The spec to boot a warm desktop with: its waiting must not be taken from its holder's time."""
    lifetime_s = min(_LONGEST_LIFE_S, spec.limits.lifetime_s + MAX_AGE_S)
    limits: Limits = spec.limits.model_copy(update={"lifetime_s": lifetime_s})
    return spec.model_copy(update={"limits": limits})


def _lives(connection: Connection) -> bool:
    return connection.failure is None
