"""The host's end of a virtual machine's port: a QEMU character device behind a Unix socket."""

from __future__ import annotations

import anyio
from anyio.abc import ByteStream, SocketStream

from sandboxes.errors import DesktopLost
from sandboxes.guest.resync import escape, new_opening
from sandboxes.unixsocket import connect_unix

_READ_BYTES = 1 << 18


async def open_port(path: str) -> ByteStream:
    """Begin a connection, the only one of its port, once the guest answers. Waits without a limit.

    Raises OSError where there is no machine behind the socket, DesktopLost where it ends before it answers.
    """
    stream = await connect_unix(path)
    try:
        return _Connection(stream, await _begin(stream))
    except (anyio.EndOfStream, anyio.BrokenResourceError) as error:
        await anyio.aclose_forcefully(stream)
        raise DesktopLost("the virtual machine ended before its guest answered") from error
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


async def _begin(stream: SocketStream) -> bytes:
    """Open a connection; what already follows the guest's answer. What went before it was for others."""
    opening = new_opening()
    await stream.send(opening.encode())
    arrived = b""
    while True:
        arrived += await stream.receive(_READ_BYTES)
        before, found, after = arrived.partition(opening.nonce)
        if found:
            return after
        arrived = before[-len(opening.nonce) :]


class _Connection(ByteStream):
    def __init__(self, stream: SocketStream, arrived: bytes) -> None:
        self._stream = stream
        self._arrived = arrived

    async def receive(self, max_bytes: int = _READ_BYTES) -> bytes:
        if self._arrived:
            data, self._arrived = self._arrived[:max_bytes], self._arrived[max_bytes:]
            return data
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        await self._stream.send(escape(item))

    async def send_eof(self) -> None:
        raise NotImplementedError("a port has no end but the close of both directions")

    async def aclose(self) -> None:
        await self._stream.aclose()
