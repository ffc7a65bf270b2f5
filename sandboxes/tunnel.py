"""TCP ports of a desktop's own loopback, reached through its stream.

Nothing listens on the host but a loopback port for as long as the tunnel is open, and no longer than
the lease.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple, Self

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute, SocketStream

from sandboxes.background import background
from sandboxes.connection import Connection
from sandboxes.errors import DeskswarmError
from sandboxes.guest.protocol import (
    MAX_CHUNK_BYTES,
    Nothing,
    TunnelClose,
    TunnelOpen,
    TunnelOpenReply,
    TunnelRead,
    TunnelWrite,
)
from sandboxes.inputs import checked

LOOPBACK = "127.0.0.1"
MAX_STREAMS = 32
OPEN_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 60.0
# A read waits for the far end to speak, which it may never do; an hour of silence ends the stream.
SILENCE_TIMEOUT_S = 3600.0


class Address(NamedTuple):
    host: str
    port: int


class TunnelStream(ByteStream):
    """One TCP connection to a port inside the desktop, as a byte stream."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self._number = number
        self._received = b""

    @classmethod
    async def connect(cls, connection: Connection, args: TunnelOpen) -> Self:
        """Raises GuestError where nothing listens on the port, DeadlineExceeded, StaleLease, DesktopLost."""
        reply, _ = await connection.request("tunnel.open", args, TunnelOpenReply, timeout=OPEN_TIMEOUT_S)
        return cls(connection, reply.tunnel)

    @classmethod
    async def accept(cls, connection: Connection) -> Self:
        """The next program in the desktop that connects to its proxy's port.

        Raises DeadlineExceeded where none does for an hour, GuestError where the desktop was started
        without a network, StaleLease, DesktopLost.
        """
        reply, _ = await connection.request(
            "tunnel.accept", Nothing(), TunnelOpenReply, timeout=SILENCE_TIMEOUT_S
        )
        return cls(connection, reply.tunnel)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self._received:
            args = TunnelRead(tunnel=self._number)
            _, self._received = await self._connection.request(
                "tunnel.read", args, Nothing, timeout=SILENCE_TIMEOUT_S
            )
        if not self._received:
            raise anyio.EndOfStream
        taken, self._received = self._received[:max_bytes], self._received[max_bytes:]
        return taken

    async def send(self, item: bytes) -> None:
        for start in range(0, len(item), MAX_CHUNK_BYTES):
            await self._write(item[start : start + MAX_CHUNK_BYTES])

    async def send_eof(self) -> None:
        await self._write(b"")

    async def aclose(self) -> None:
        """Also while cancelled, for the guest keeps only so many open."""
        args = TunnelClose(tunnel=self._number)
        with anyio.CancelScope(shield=True):
            await self._connection.request("tunnel.close", args, Nothing, timeout=OPEN_TIMEOUT_S)

    async def _write(self, data: bytes) -> None:
        args = TunnelWrite(tunnel=self._number)
        await self._connection.request("tunnel.write", args, Nothing, data, timeout=WRITE_TIMEOUT_S)


@asynccontextmanager
async def open_tunnel(connection: Connection, port: int) -> AsyncIterator[Address]:
    """A loopback address of this machine that leads to a port on the desktop's loopback.

    It ends with the block, or with the connection. At most 32 TCP connections at once; further ones wait.
    """
    connection.check_open()
    target = checked(TunnelOpen, port=port)
    [listener] = (await anyio.create_tcp_listener(local_host=LOOPBACK)).listeners
    address = Address(LOOPBACK, listener.extra(SocketAttribute.local_port))
    async with background(partial(_listen, listener, connection, target)):
        yield address


async def _listen(listener: Listener[SocketStream], connection: Connection, target: TunnelOpen) -> None:
    slots = anyio.Semaphore(MAX_STREAMS)

    async def carry(client: SocketStream) -> None:
        async with client, slots:
            await _carry(client, connection, target)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, carry)
        await connection.wait_closed()
        tasks.cancel_scope.cancel()


async def _carry(client: SocketStream, connection: Connection, target: TunnelOpen) -> None:
    try:
        async with (
            await TunnelStream.connect(connection, target) as far,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(_pump, client, far)
            tasks.start_soon(_pump, far, client)
    except* (DeskswarmError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # One end is gone and takes the other along: that is how a TCP client learns of it.


async def _pump(source: ByteStream, target: ByteStream) -> None:
    async for data in source:
        await target.send(data)
    await target.send_eof()
