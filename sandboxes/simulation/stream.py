"""The host's end of a stream to a simulated guest: bytes in, answers out when they are due."""

from __future__ import annotations

import heapq
import time
from itertools import count

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

from sandboxes.guest.frames import encode, take_frame
from sandboxes.simulation.guest import SimulatedGuest


class GuestStream(ByteStream):
    def __init__(self, guest: SimulatedGuest) -> None:
        self._guest = guest
        self._arrived = bytearray()
        self._due: list[tuple[float, int, bytes]] = []
        self._order = count()
        self._readable = bytearray()
        self._changed = anyio.Event()
        self._closed = False
        guest.on_end.append(self._wake)

    async def send(self, item: bytes) -> None:
        await checkpoint()
        if self._closed:
            raise anyio.ClosedResourceError
        if self._guest.ended:
            raise anyio.BrokenResourceError
        self._arrived += item
        while (frame := take_frame(self._arrived)) is not None:
            answer = self._guest.receive(frame)
            if answer is not None:
                due_at = time.monotonic() + answer.after_s
                heapq.heappush(self._due, (due_at, next(self._order), encode(answer.frame)))
                self._wake()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await checkpoint()
        while True:
            if self._closed:
                raise anyio.ClosedResourceError
            self._collect()
            if self._readable:
                taken = bytes(self._readable[:max_bytes])
                del self._readable[:max_bytes]
                return taken
            if self._guest.ended:
                raise anyio.EndOfStream
            await self._wait_for_change()

    def _collect(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            self._readable += heapq.heappop(self._due)[2]

    async def _wait_for_change(self) -> None:
        """Until an answer is due, one is added, the guest ends or the stream is closed."""
        next_at = min([self._guest.expires_at, *(due_at for due_at, _, _ in self._due[:1])])
        with anyio.move_on_after(max(0.0, next_at - time.monotonic())):
            await self._changed.wait()
        self._changed = anyio.Event()

    def _wake(self) -> None:
        self._changed.set()

    async def send_eof(self) -> None:
        await checkpoint()

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._guest.on_end.remove(self._wake)
            self._wake()
        await checkpoint()
