"""Tunnels to TCP ports on the desktop's own loopback, and from programs to the proxy on the other side."""

from __future__ import annotations

import itertools
import socket

import anyio
from anyio.abc import SocketListener, SocketStream

from .failures import RequestFailed
from .paths import LOOPBACK
from .protocol import (
    MAX_CHUNK_BYTES,
    Nothing,
    TunnelClose,
    TunnelOpen,
    TunnelOpenReply,
    TunnelRead,
    TunnelWrite,
)

_MAX_TUNNELS = 128


class Tunnels:
    """The open tunnels of the current lease."""

    def __init__(self, proxy: socket.socket | None) -> None:
        """`proxy` is where programs connect that want to reach the network, if there is one."""
        self._numbers = itertools.count(1)
        self._open: dict[int, SocketStream] = {}
        self._proxy = proxy
        self._listener: SocketListener | None = None
        self._accepting: list[anyio.CancelScope] = []

    async def open(self, args: TunnelOpen, _: bytes) -> tuple[TunnelOpenReply, bytes]:
        if len(self._open) >= _MAX_TUNNELS:
            raise RequestFailed("bad_request", f"tunnel: {_MAX_TUNNELS} are open already")
        try:
            stream = await anyio.connect_tcp(LOOPBACK, args.port)
        except OSError as error:
            raise RequestFailed("not_found", f"tunnel: port {args.port}: {error}") from None
        return self._keep(stream)

    async def accept(self, _: Nothing, __: bytes) -> tuple[TunnelOpenReply, bytes]:
        """Those that nobody asks for yet wait in the kernel's queue."""
        with anyio.CancelScope() as scope:
            self._accepting.append(scope)
            try:
                return self._keep(await (await self._programs()).accept())
            finally:
                self._accepting.remove(scope)
        raise RequestFailed("stale_lease", "tunnel: the lease has ended")

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
        """Every tunnel ends with the lease it was opened under, and none is handed to its holder any more."""
        for scope in self._accepting:
            scope.cancel()
        while self._open:
            await anyio.aclose_forcefully(self._open.popitem()[1])

    async def _programs(self) -> SocketListener:
        if self._proxy is None:
            raise RequestFailed("not_found", "tunnel: this desktop was started without a network")
        if self._listener is None:
            self._listener = await SocketListener.from_socket(self._proxy)
        return self._listener

    def _keep(self, stream: SocketStream) -> tuple[TunnelOpenReply, bytes]:
        number = next(self._numbers)
        self._open[number] = stream
        return TunnelOpenReply(tunnel=number), b""

    def _find(self, number: int) -> SocketStream:
        if number not in self._open:
            raise RequestFailed("not_found", f"tunnel: {number} is not open")
        return self._open[number]
