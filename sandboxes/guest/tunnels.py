"""Tunnels to TCP ports on the desktop's own loopback."""

from __future__ import annotations

import itertools

import anyio
from anyio.abc import SocketStream

from .failures import RequestFailed
from .protocol import (
    MAX_CHUNK_BYTES,
    Nothing,
    TunnelClose,
    TunnelOpen,
    TunnelOpenReply,
    TunnelRead,
    TunnelWrite,
)

_MAX_TUNNELS = 64
_LOOPBACK = "127.0.0.1"


class Tunnels:
    """The open tunnels of the current lease."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[int, SocketStream] = {}

    async def open(self, args: TunnelOpen, _: bytes) -> tuple[TunnelOpenReply, bytes]:
        if len(self._open) >= _MAX_TUNNELS:
            raise RequestFailed("bad_request", f"tunnel: {_MAX_TUNNELS} are open already")
        try:
            stream = await anyio.connect_tcp(_LOOPBACK, args.port)
        except OSError as error:
            raise RequestFailed("not_found", f"tunnel: port {args.port}: {error}") from None
        number = next(self._numbers)
        self._open[number] = stream
        return TunnelOpenReply(tunnel=number), b""

    async def read(self, args: TunnelRead, _: bytes) -> tuple[Nothing, bytes]:
        try:
            return Nothing(), await self._find(args.tunnel).receive(MAX_CHUNK_BYTES)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return Nothing(), b""

    async def write(self, args: TunnelWrite, attachment: bytes) -> tuple[Nothing, bytes]:
        stream = self._find(args.tunnel)
        try:
            if attachment:
                await stream.send(attachment)
            else:
                await stream.send_eof()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise RequestFailed("not_found", f"tunnel: {args.tunnel} has been closed") from None
        return Nothing(), b""

    async def close(self, args: TunnelClose, _: bytes) -> tuple[Nothing, bytes]:
        stream = self._open.pop(args.tunnel, None)
        if stream is not None:
            await anyio.aclose_forcefully(stream)
        return Nothing(), b""

    async def close_all(self) -> None:
        """Every tunnel ends with the lease it was opened under."""
        while self._open:
            await anyio.aclose_forcefully(self._open.popitem()[1])

    def _find(self, number: int) -> SocketStream:
        if number not in self._open:
            raise RequestFailed("not_found", f"tunnel: {number} is not open")
        return self._open[number]
