"""The host's end of a port, against a guest's end made by hand."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream, SocketListener, SocketStream

from sandboxes.errors import DesktopLost
from sandboxes.guest.resync import Opening, Unescaper
from sandboxes.vm.port import open_port

pytestmark = pytest.mark.anyio

STALE = b"a reply to somebody else" * 10_000


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.create_server(str(tmp_path / "port"), family=socket.AF_UNIX) as listener:
        listener.setblocking(False)
        yield listener


async def read_opening(stream: SocketStream) -> Opening:
    unescaper = Unescaper()
    while True:
        for piece in unescaper.feed(await stream.receive()):
            assert isinstance(piece, Opening)
            return piece


async def opened(listener: socket.socket, before: bytes, after: bytes) -> tuple[ByteStream, SocketStream]:
    """Both ends of a connection to a guest that sends `before` ahead of its answer and `after` behind it."""
    ends: list[ByteStream] = []

    async def open_it() -> None:
        ends.append(await open_port(listener.getsockname()))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(open_it)
            guest = await (await SocketListener.from_socket(listener)).accept()
            opening = await read_opening(guest)
            await guest.send(before + opening.nonce + after)
    return ends[0], guest


async def test_what_was_meant_for_others_is_dropped(listener: socket.socket) -> None:
    host, guest = await opened(listener, STALE, b"the first of ours")
    async with host, guest:
        assert await host.receive(9) == b"the first"
        assert await host.receive() == b" of ours"


async def test_what_is_sent_arrives(listener: socket.socket) -> None:
    host, guest = await opened(listener, b"", b"")
    async with host, guest:
        await host.send(b"\xfc\x01" + bytes(range(256)))
        assert list(Unescaper().feed(await guest.receive())) == [b"\xfc\x01" + bytes(range(256))]


async def test_a_machine_that_ends_before_it_answers_is_lost(listener: socket.socket) -> None:
    async def end() -> None:
        await (await (await SocketListener.from_socket(listener)).accept()).aclose()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end)
            with pytest.raises(DesktopLost, match="ended before its guest answered"):
                await open_port(listener.getsockname())


async def test_without_a_machine_there_is_no_port(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await open_port(str(tmp_path / "port"))
