"""Streams over Unix sockets."""

from __future__ import annotations

import socket

from anyio.abc import SocketStream


async def connect_unix(path: str) -> SocketStream:
    """Connect; at once or not at all. Raises OSError.

    Not `anyio.connect_unix`: on asyncio, its streams leave an InvalidStateError in the event loop where
    data, or the other side's end, arrive in the very turn in which a receive is cancelled.
    """
    raw = socket.socket(socket.AF_UNIX)
    try:
        raw.setblocking(False)
        raw.connect(path)
        return await SocketStream.from_socket(raw)
    except BaseException:
        raw.close()
        raise
