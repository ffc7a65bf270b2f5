"""The proxy that a desktop's programs reach the network through.

A program connects to a port of the desktop's own loopback. Its bytes come here over the desktop's stream,
one chunk at a time and only when asked for; all they say is read on this side, and untrusted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteStream, SocketStream

from sandboxes.background import background
from sandboxes.connection import Connection
from sandboxes.egress.endpoint import Endpoint, IpAddress
from sandboxes.egress.request import (
    CONNECTED,
    END_OF_HEAD,
    MAX_HEAD_BYTES,
    ProxyRequest,
    parse_request,
    refusal,
)
from sandboxes.egress.rules import Refused, Rules
from sandboxes.errors import DeadlineExceeded, DeskswarmError, GuestError, ProtocolError
from sandboxes.tunnel import TunnelStream

MAX_CONNECTIONS = 32
BURST = 200
PER_SECOND = 20.0
HEAD_TIMEOUT_S = 30.0
DIAL_TIMEOUT_S = 20.0
IDLE_TIMEOUT_S = 300.0
_CHUNK_BYTES = 1 << 18
_GONE = (DeskswarmError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


@dataclass(slots=True)
class EgressRecord:
    """One connection that a program in a desktop asked for, once it is over.

    `host` and `port` are what it asked for ("" and 0 where that could not be read), `address` what it was
    connected to. `sent` and `received` are bytes, as the desktop sees them; `reason` says why it was
    refused, or cut off.
    """

    host: str = ""
    port: int = 0
    address: str = ""
    allowed: bool = False
    reason: str = ""
    sent: int = 0
    received: int = 0
    seconds: float = 0


OnConnection = Callable[[EgressRecord], Awaitable[None]]


async def ignore(record: EgressRecord) -> None:
    """For those who keep no record of connections."""


def egress(
    connection: Connection, rules: Rules, on_connection: OnConnection = ignore, idle_s: float = IDLE_TIMEOUT_S
) -> AbstractAsyncContextManager[None]:
    """Let the programs of a desktop reach what the rules allow, until the block or its lease ends.

    At most 32 connections at once, and 20 a second after the first 200; the others wait. Should
    `on_connection` raise a DeskswarmError, the desktop's connection ends with it: nothing goes unrecorded.
    """
    return background(_Proxy(connection, rules, on_connection, idle_s).serve)


class _Turns:
    """Lets so many through at once, and further ones at a rate."""

    def __init__(self) -> None:
        self._due = -BURST / PER_SECOND

    async def next(self) -> None:
        now = anyio.current_time()
        self._due = max(self._due, now - BURST / PER_SECOND) + 1 / PER_SECOND
        await anyio.sleep_until(self._due)


@dataclass(slots=True)
class _Proxy:
    connection: Connection
    rules: Rules
    on_connection: OnConnection
    idle_s: float
    slots: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(MAX_CONNECTIONS))

    async def serve(self) -> None:
        """Until the desktop's connection ends, whose holder learns of that by itself."""
        turns = _Turns()
        async with anyio.create_task_group() as tasks:
            while self.connection.failure is None:
                await turns.next()
                await self.slots.acquire()
                if client := await self._accept():
                    tasks.start_soon(self._carry, client)
                else:
                    self.slots.release()

    async def _accept(self) -> TunnelStream | None:
        """The next program that connects; None where none did, or the desktop has ended."""
        try:
            return await TunnelStream.accept(self.connection)
        except DeadlineExceeded:
            return None
        except GuestError as error:
            self.connection.close(ProtocolError(f"the desktop's network does not work: {error}"))
            return None
        except DeskswarmError as error:
            self.connection.close(error)
            return None

    async def _carry(self, client: TunnelStream) -> None:
        record, began = EgressRecord(), anyio.current_time()
        try:
            async with _closing(client):
                await self._exchange(client, record)
        finally:
            self.slots.release()
            record.seconds = anyio.current_time() - began
            with anyio.CancelScope(shield=True):
                await self._tell(record)

    async def _tell(self, record: EgressRecord) -> None:
        try:
            await self.on_connection(record)
        except DeskswarmError as error:
            self.connection.close(error)

    async def _exchange(self, client: TunnelStream, record: EgressRecord) -> None:
        try:
            request, rest = await _read_request(client)
            record.host, record.port = request.target.host, request.target.port
            remote = await self._dial(request.target, record)
        except Refused as refused:
            record.reason = refused.reason
            await client.send(refusal(refused))
            await client.send_eof()
            return
        async with remote:
            if request.tunnel:
                await client.send(CONNECTED)
            await _relay(client, remote, request.head + rest, record, self.idle_s)

    async def _dial(self, target: Endpoint, record: EgressRecord) -> SocketStream:
        """Raises Refused."""
        with anyio.move_on_after(DIAL_TIMEOUT_S):
            addresses = await self.rules.addresses(target)
            record.allowed = True
            for address in addresses:
                if remote := await _connect(address, target.port):
                    record.address = str(address)
                    return remote
            raise Refused(f"{target} does not take the connection", 502)
        raise Refused(f"{target} did not answer within {DIAL_TIMEOUT_S:g} s", 504)


async def _connect(address: IpAddress, port: int) -> SocketStream | None:
    try:
        return await anyio.connect_tcp(str(address), port)
    except OSError:
        return None


async def _read_request(client: ByteStream) -> tuple[ProxyRequest, bytes]:
    """The first request, and what came after its head. Raises Refused."""
    received = b""
    with anyio.move_on_after(HEAD_TIMEOUT_S):
        while END_OF_HEAD not in received:
            if len(received) > MAX_HEAD_BYTES:
                raise Refused(f"the head of the request is longer than {MAX_HEAD_BYTES} bytes", 431)
            received += await client.receive(_CHUNK_BYTES)
        head, _, rest = received.partition(END_OF_HEAD)
        return parse_request(head), rest
    raise Refused(f"no request within {HEAD_TIMEOUT_S:g} s", 408)


async def _relay(
    client: ByteStream, remote: ByteStream, first: bytes, record: EgressRecord, idle_s: float
) -> None:
    """Copy both ways until both have ended, or nothing has moved for a while."""

    def moved() -> None:
        scope.deadline = anyio.current_time() + idle_s

    async def send() -> None:
        data = first
        while True:
            await remote.send(data)
            record.sent += len(data)
            moved()
            if not (data := await _next(client)):
                return await remote.send_eof()

    async def receive() -> None:
        while data := await _next(remote):
            await client.send(data)
            record.received += len(data)
            moved()
        await client.send_eof()

    with anyio.move_on_after(idle_s) as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            tasks.start_soon(receive)
    if scope.cancelled_caught:
        record.reason = f"nothing moved for {idle_s:g} s"


async def _next(source: ByteStream) -> bytes:
    """The next bytes; none at the end."""
    try:
        return await source.receive(_CHUNK_BYTES)
    except anyio.EndOfStream:
        return b""


@asynccontextmanager
async def _closing(client: TunnelStream) -> AsyncIterator[None]:
    """One end that is gone takes the other along; that is how the programs at both learn of it."""
    try:
        async with client:
            yield
    except* _GONE:
        pass
