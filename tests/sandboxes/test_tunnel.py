"""TCP ports inside real desktops, reached from the host."""

from __future__ import annotations

from contextlib import suppress

import anyio
import pytest
from anyio.abc import SocketStream

from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.errors import InputError, StaleLease

pytestmark = pytest.mark.anyio

# Sends back what it is sent, in capitals, once the other side has no more to send; then closes.
SHOUT = """
import socketserver
class Shout(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.read().upper())
class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 64
    daemon_threads = True
Server(("127.0.0.1", 7000), Shout).serve_forever()
"""
PORT = 7000


@pytest.fixture
async def shouting(desktop: Desktop) -> Desktop:
    await desktop.files.write("~/shout.py", SHOUT.encode())
    await desktop.open(["python3", "/home/user/shout.py"])
    pace = Pace()
    with anyio.fail_after(30):
        while (await desktop.exec(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{PORT}"])).exit_code:
            await pace.wait()
    return desktop


async def shout(address: tuple[str, int], text: bytes) -> bytes:
    async with await anyio.connect_tcp(*address) as stream:
        await stream.send(text)
        await stream.send_eof()
        return await read_all(stream)


async def read_all(stream: SocketStream) -> bytes:
    return b"".join([chunk async for chunk in stream])


async def refuses(address: tuple[str, int]) -> None:
    """Wait until nothing listens there."""
    pace = Pace()
    with suppress(OSError):
        while True:
            async with await anyio.connect_tcp(*address):
                await pace.wait()


async def test_bytes_go_both_ways_and_ends_too(shouting: Desktop) -> None:
    with anyio.fail_after(30):
        async with shouting.tunnel(PORT) as address:
            assert address.host == "127.0.0.1"
            assert await shout(address, b"hello") == b"HELLO"
            large = b"abc\0" * 1_000_000
            assert await shout(address, large) == large.upper()


async def test_more_connections_than_are_open_at_once(shouting: Desktop) -> None:
    answers = set()

    async def one(address: tuple[str, int], number: int) -> None:
        answers.add(await shout(address, b"n%d" % number))

    with anyio.fail_after(30):
        async with shouting.tunnel(PORT) as address, anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(one, address, number)
    assert answers == {b"N%d" % number for number in range(100)}


async def test_a_port_nobody_listens_on(desktop: Desktop) -> None:
    with anyio.fail_after(30):
        async with desktop.tunnel(7001) as address, await anyio.connect_tcp(*address) as stream:
            assert await read_all(stream) == b""
    with pytest.raises(InputError, match="port"):
        async with desktop.tunnel(70_000):
            pytest.fail("opened")


async def test_it_ends_with_its_block(shouting: Desktop) -> None:
    async with shouting.tunnel(PORT) as address:
        stream = await anyio.connect_tcp(*address)
    async with stream:
        with anyio.fail_after(30):
            assert await read_all(stream) == b""
    with anyio.fail_after(30):
        await refuses(address)


async def test_it_ends_with_the_lease(shouting: Desktop) -> None:
    async with shouting.tunnel(PORT) as address, await anyio.connect_tcp(*address) as stream:
        new = await shouting.hand_over("next")
        with anyio.fail_after(30):
            assert await read_all(stream) == b""
            await refuses(address)
    with pytest.raises(StaleLease):
        async with shouting.tunnel(PORT):
            pytest.fail("opened")
    await new.stop()


async def test_what_the_block_raises_is_its_own(desktop: Desktop) -> None:
    async def use() -> None:
        async with desktop.tunnel(PORT):
            raise KeyError

    with pytest.raises(KeyError):
        await use()
