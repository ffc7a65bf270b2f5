"""Guests that do what a test tells them, on a real Unix socket."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream

from sandboxes.background import background
from sandboxes.connection import Connection
from sandboxes.guest.frames import Frame, FrameReader, send_frame
from sandboxes.guest.protocol import PROTOCOL_VERSION
from sandboxes.lease import Lease

HELLO = {"version": PROTOCOL_VERSION, "width": 1920, "height": 1080}


class Guest:
    """One accepted connection, from the guest's side."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self._reader = FrameReader(stream)

    async def read(self) -> dict[str, Any]:
        """The next request."""
        return (await self.read_with_attachment())[0]

    async def read_with_attachment(self) -> tuple[dict[str, Any], bytes]:
        frame = await self._reader.read()
        return json.loads(frame.header), frame.attachment

    async def answer(self, request: dict[str, Any], result: object, attachment: bytes = b"") -> None:
        await self.send({"id": request["id"], "result": result}, attachment)

    async def fail(self, request: dict[str, Any], kind: str) -> None:
        await self.send({"id": request["id"], "failure": {"kind": kind, "message": "as the test says"}})

    async def send(self, header: object, attachment: bytes = b"") -> None:
        await send_frame(self.stream, Frame(json.dumps(header).encode(), attachment))


Behaviour = Callable[[Guest], Awaitable[None]]


@asynccontextmanager
async def connected(
    folder: Path, behave: Behaviour, *, ttl_s: float = 10, hello: object = HELLO
) -> AsyncIterator[Connection]:
    """A connection to a guest that answers hello and then behaves as told."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                guest = Guest(stream)
                await guest.answer(await guest.read(), hello)
                await behave(guest)

    near, far = await connected_streams()
    async with (
        background(lambda: serve(far)),
        Connection(near, Lease("d-test", "test", ttl_s=ttl_s)) as connection,
    ):
        yield connection


async def connected_streams() -> tuple[SocketStream, SocketStream]:
    """Two ends of one Unix socket; as `sandboxes.unixsocket` has it, not as anyio's own Unix streams."""
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    return await SocketStream.from_socket(ends[0]), await SocketStream.from_socket(ends[1])


async def never(guest: Guest) -> None:
    """Read everything, answer nothing."""
    while True:
        await guest.read()


def answering(results: Mapping[str, tuple[object, bytes]]) -> Behaviour:
    """Answer each operation with what is given for it."""

    async def behave(guest: Guest) -> None:
        while True:
            request = await guest.read()
            await guest.answer(request, *results[request["op"]])

    return behave
