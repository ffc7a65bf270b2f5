"""Streams over Unix sockets, in the turn of the event loop in which two things happen at once."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import anyio
import pytest

from sandboxes.unixsocket import connect_unix

pytestmark = pytest.mark.anyio


async def test_data_that_arrive_as_a_receive_is_cancelled(tmp_path: Path) -> None:
    """An error left in the event loop, as anyio's own Unix streams leave one, fails a test."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        near = await connect_unix(path)
        far, _ = listener.accept()
    loop = asyncio.get_running_loop()
    with far, anyio.CancelScope() as scope:

        def send_and_cancel() -> None:
            """The loop finds the data in the turn for which the cancellation is already queued."""
            far.send(b"data")
            loop.call_soon(scope.cancel)

        async with near:
            loop.call_later(0.05, send_and_cancel)
            await near.receive()
    assert scope.cancelled_caught
