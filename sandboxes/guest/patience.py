"""How long an application may take to say what it shows: who is slow is waited for, who hangs is not."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import anyio
from dbus_fast.aio import MessageBus

from .atspi import PEER, ROOT_PATH
from .bus import BusError, call

_SILENCE_S = 2.0
# How much longer than its slowest answer another may take.
_SLOWER = 2
_PRECISION_S = 0.1


@dataclass(slots=True)
class Answers:
    """How long an application is silent before it answers, and what it owes since it was given up."""

    slowest_s: float = 0
    _owed: asyncio.Task[None] | None = None

    async def caught_up(self) -> None:
        """It has answered all: what is asked of one that has not would only put it further behind."""
        if self._owed is not None:
            await asyncio.shield(self._owed)

    def owe(self, bus: MessageBus, owner: str, silent_since: float) -> None:
        """It was given up; `silent_since` is when it was heard last."""
        if self._owed is None or self._owed.done():
            self._owed = asyncio.create_task(self._catch_up(bus, owner, silent_since))

    async def _catch_up(self, bus: MessageBus, owner: str, silent_since: float) -> None:
        with suppress(BusError):  # It has gone.
            await call(bus, owner, ROOT_PATH, PEER, "Ping")  # Applications answer in turn.
        silent_s = asyncio.get_running_loop().time() - silent_since
        self.slowest_s = max(self.slowest_s, silent_s)


class Patience:
    """Grants an application more time as long as it keeps answering.

    One answer tells all that it holds ready, which takes LibreOffice seconds in an emulated machine: who has
    been silent for long, and did answer, may be so again.
    """

    def __init__(self, scope: anyio.CancelScope, application_s: float) -> None:
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._application_s = application_s
        self._silence_s = _SILENCE_S
        self.heard_at = self._loop.time()
        self._end = self.heard_at + application_s
        self.slowest_s = 0.0
        self.heard()

    def expect(self, slowest_s: float) -> None:
        """It has caught up, and is known to have taken so long for an answer."""
        self._silence_s = max(_SILENCE_S, _SLOWER * slowest_s)
        self.heard()

    def heard(self) -> None:
        """It has answered a call. There are thousands: the deadline is moved only where that tells."""
        now = self._loop.time()
        self.slowest_s, self.heard_at = max(self.slowest_s, now - self.heard_at), now
        deadline = min(now + self._silence_s, self._end)
        if abs(deadline - self._scope.deadline) > _PRECISION_S:
            self._scope.deadline = deadline

    def complaint(self) -> str | None:
        """Why the application was not read to the end, if it was not."""
        if not self._scope.cancelled_caught:
            return None
        if self._loop.time() >= self._end:
            return f"it did not answer all within {self._application_s:g} s"
        return f"it did not answer for {self._silence_s:.3g} s"
