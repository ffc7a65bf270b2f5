"""The ports of a virtual machine: each a stream of connections, one after another."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

from .machine import PORT_FDS
from .resync import Opening, Unescaper

_READ_BYTES = 1 << 16
_WRITE_BYTES = 1 << 15

Connected = Callable[[ByteStream], Awaitable[None]]


def handed_in_ports() -> list[int]:
    """The ports of this desktop, open; none where it is no virtual machine."""
    return [int(descriptor) for descriptor in os.environ.get(PORT_FDS, "").split()]


async def serve_port(descriptor: int, connected: Connected) -> None:
    """Serve one connection after another, until cancelled."""
    port = _Port(descriptor)
    while True:
        await port.send((await port.opening()).nonce)
        await connected(_Connection(port))


class _Port:
    """Reads and writes, waiting for the host without looking again and again.

    While nobody holds the host's end, the kernel calls a port readable, at its end, and hung up. Only the
    change is news: hence edges, and a descriptor for each direction, as each has a waiter of its own.
    """

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor
        self._readable = self._edges(select.EPOLLIN)
        self._writable = self._edges(select.EPOLLOUT)
        self._unescaper = Unescaper()
        self._pieces: deque[bytes | Opening] = deque()

    async def opening(self) -> Opening:
        """The next one; what comes before it belongs to nobody."""
        while True:
            piece = await self._piece()
            if isinstance(piece, Opening):
                return piece

    async def receive(self) -> bytes:
        """Data of the current connection. Raises EndOfStream where the host is gone, or opens another."""
        piece = await self._piece(wait_for_host=False)
        if isinstance(piece, Opening):
            self._pieces.appendleft(piece)
            raise anyio.EndOfStream
        return piece

    async def send(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest[:_WRITE_BYTES]) :]
            except BlockingIOError:
                await _edge(self._writable)
            else:
                await checkpoint()

    async def _piece(self, *, wait_for_host: bool = True) -> bytes | Opening:
        while not self._pieces:
            try:
                data = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                await _edge(self._readable)
                continue
            if data:
                self._pieces.extend(self._unescaper.feed(data))
            elif wait_for_host:
                await _edge(self._readable)
            else:
                raise anyio.EndOfStream
        return self._pieces.popleft()

    def _edges(self, event: int) -> select.epoll:
        edges = select.epoll()
        edges.register(self._fd, event | select.EPOLLET)
        return edges


async def _edge(edges: select.epoll) -> None:
    """Wait for a change; it may be none that helps."""
    await anyio.wait_readable(edges.fileno())
    edges.poll(0)


class _Connection(ByteStream):
    """A port from one opening to the next."""

    def __init__(self, port: _Port) -> None:
        self._port = port
        self._closed = False

    async def receive(self, max_bytes: int = _READ_BYTES) -> bytes:
        """Pieces are as the port gives them, never larger than it reads at once."""
        self._check_open()
        return await self._port.receive()

    async def send(self, item: bytes) -> None:
        self._check_open()
        await self._port.send(item)

    async def send_eof(self) -> None:
        raise NotImplementedError("a port has no end")

    async def aclose(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
