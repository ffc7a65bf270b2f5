"""The proxy against guests that do what a test tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from sandboxes.connection import Connection
from sandboxes.deadline import Pace
from sandboxes.egress import proxy
from sandboxes.egress.proxy import EgressRecord, egress
from sandboxes.egress.rules import Rules
from sandboxes.errors import InfraError, ProtocolError
from tests.sandboxes.scripted_guest import Guest, connected

pytestmark = pytest.mark.anyio

MIB = 1 << 20


class Programs:
    """A guest in which programs connect to the proxy: each says `says`, and takes what it is told to take.

    `left` programs are still to come; `asked` and `answers` are what the proxy asked for and wrote.
    """

    def __init__(self, *says: bytes, left: int = 1, takes: bool = True) -> None:
        self.says = says
        self.left = left
        self.takes = takes
        self.asked: list[str] = []
        self.answers: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.changed = anyio.Event()

    async def __call__(self, guest: Guest) -> None:
        said: dict[int, int] = {}
        while True:
            request, data = await guest.read_with_attachment()
            op, tunnel = request["op"], request["args"].get("tunnel", 0)
            self.asked.append(op)
            if op == "tunnel.accept":
                if self.left:
                    self.left -= 1
                    await guest.answer(request, {"tunnel": len(said) + 1})
                    said[len(said) + 1] = 0
            elif op == "tunnel.read":
                if said[tunnel] < len(self.says):
                    said[tunnel] += 1
                    await guest.answer(request, {}, self.says[said[tunnel] - 1])
            elif op == "tunnel.write" and not self.takes and self.answers.get(tunnel):
                pass
            else:
                self.answers[tunnel] = self.answers.get(tunnel, b"") + data
                if op == "tunnel.close":
                    self.ended.add(tunnel)
                await guest.answer(request, {})
            self.changed.set()
            self.changed = anyio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(30):
            while not condition():
                await self.changed.wait()


class Records(list[EgressRecord]):
    async def __call__(self, record: EgressRecord) -> None:
        self.append(record)


@asynccontextmanager
async def proxied(
    folder: Path, guest: Callable[[Guest], Awaitable[None]], *allow: str, idle_s: float = 60
) -> AsyncIterator[tuple[Connection, Records]]:
    records = Records()
    async with (
        connected(folder, guest) as connection,
        egress(connection, Rules.of(allow), records, idle_s),
    ):
        yield connection, records


@asynccontextmanager
async def serving(serve: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    """The port of a server on this machine."""

    async def accepted(stream: SocketStream) -> None:
        with suppress(anyio.BrokenResourceError):
            async with stream:
                await serve(stream)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, accepted)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def echo(stream: SocketStream) -> None:
    async for data in stream:
        await stream.send(data)
    await stream.send_eof()


def connect(port: int) -> bytes:
    return b"CONNECT host.internal:%d HTTP/1.1\r\n\r\n" % port


async def test_bytes_go_both_ways_and_are_counted(tmp_path: Path) -> None:
    async with serving(echo) as port:
        request = connect(port)
        programs = Programs(request[:10], request[10:] + b"first ", b"second", b"")
        async with proxied(tmp_path, programs, f"localhost:{port}") as (_, records):
            await programs.until(lambda: programs.ended == {1})
            assert programs.answers[1].endswith(b"\r\n\r\nfirst second")
            await until_told(records)
    [record] = records
    assert (record.host, record.port, record.address) == ("localhost", port, "127.0.0.1")
    assert (record.allowed, record.reason, record.sent, record.received) == (True, "", 12, 12)


async def until_told(records: Records, count: int = 1) -> None:
    pace = Pace(0.01)
    with anyio.fail_after(30):
        while len(records) < count:
            await pace.wait()


HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "noise": (b"\xff" * 100 + b"\r\n\r\n", b"HTTP/1.1 400 "),
    "a request that never ends": (
        b"GET http://a.example/ HTTP/1.1\r\n" + b"A: b\r\n" * MIB,
        b"HTTP/1.1 431 ",
    ),
    "a name nobody listed": (b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 403 "),
    "a file of this machine": (b"GET file:///etc/passwd HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
    "the proxy's own port": (b"CONNECT localhost:3128 HTTP/1.1\r\n\r\n", b"HTTP/1.1 403 "),
}


@pytest.mark.parametrize(("says", "answer"), HOSTILE.values(), ids=HOSTILE)
async def test_what_is_not_allowed_is_told_and_recorded(tmp_path: Path, says: bytes, answer: bytes) -> None:
    programs = Programs(*[says[start : start + MIB] for start in range(0, len(says), MIB)][:1])
    async with proxied(tmp_path, programs, "example.org:443") as (connection, records):
        await programs.until(lambda: programs.ended == {1})
        assert programs.answers[1].startswith(answer)
        await until_told(records)
        assert connection.failure is None
    [record] = records
    assert not record.allowed
    assert record.reason


async def test_nobody_listens_there(tmp_path: Path) -> None:
    async with serving(echo) as port:
        pass
    programs = Programs(connect(port))
    async with proxied(tmp_path, programs, f"localhost:{port}") as (_, records):
        await programs.until(lambda: programs.ended == {1})
        await until_told(records)
    assert programs.answers[1].startswith(b"HTTP/1.1 502 ")
    assert (records[0].allowed, records[0].address) == (True, "")


async def test_a_silent_connection_ends(tmp_path: Path) -> None:
    async with serving(echo) as port:
        programs = Programs(connect(port))
        async with proxied(tmp_path, programs, f"localhost:{port}", idle_s=0.2) as (_, records):
            await programs.until(lambda: programs.ended == {1})
            await until_told(records)
    assert records[0].reason == "nothing moved for 0.2 s"


async def test_a_program_that_does_not_read_holds_the_sender_up(tmp_path: Path) -> None:
    sent = 0

    async def flood(stream: SocketStream) -> None:
        nonlocal sent
        while True:
            await stream.send(b"x" * MIB)
            sent += MIB

    async with serving(flood) as port:
        programs = Programs(connect(port), takes=False)
        async with proxied(tmp_path, programs, f"localhost:{port}", idle_s=1) as (_, records):
            await until_told(records)
    assert records[0].reason == "nothing moved for 1 s"
    assert records[0].received == 0
    assert sent < 32 * MIB


async def test_so_many_at_once_and_no_more(tmp_path: Path) -> None:
    async with serving(echo) as port:
        programs = Programs(connect(port), left=100)
        async with proxied(tmp_path, programs, f"localhost:{port}") as (connection, records):
            await programs.until(lambda: len(programs.answers) == proxy.MAX_CONNECTIONS)
            assert programs.asked.count("tunnel.accept") == proxy.MAX_CONNECTIONS
            assert connection.failure is None
        assert len(records) == proxy.MAX_CONNECTIONS


async def test_programs_that_connect_over_and_over_are_slowed_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "BURST", 5)
    monkeypatch.setattr(proxy, "PER_SECOND", 0.001)
    programs = Programs(b"\r\n\r\n", left=100)
    async with proxied(tmp_path, programs) as (_, records):
        await until_told(records, 5)
        await programs.until(lambda: len(programs.ended) == 5)
        assert programs.asked.count("tunnel.accept") <= 6


FRAMES: dict[str, Any] = {
    "no tunnel": ({}, b""),
    "a wrong number": ({"tunnel": "one"}, b""),
    "something attached": ({"tunnel": 1}, b"x"),
}


@pytest.mark.parametrize("answer", FRAMES.values(), ids=FRAMES)
async def test_an_answer_that_is_none_ends_the_desktop(tmp_path: Path, answer: tuple[object, bytes]) -> None:
    async def behave(guest: Guest) -> None:
        await guest.answer(await guest.read(), *answer)
        await guest.read()

    async with proxied(tmp_path, behave) as (connection, _):
        with anyio.fail_after(30):
            await connection.wait_closed()
        assert isinstance(connection.failure, ProtocolError)


async def test_too_much_in_one_frame_ends_the_desktop(tmp_path: Path) -> None:
    programs = Programs(b"x" * (2 * MIB))
    async with proxied(tmp_path, programs) as (connection, records):
        with anyio.fail_after(30):
            await connection.wait_closed()
        assert isinstance(connection.failure, ProtocolError)
    await until_told(records)


async def test_a_guest_without_a_network_is_no_desktop_for_this(tmp_path: Path) -> None:
    async def behave(guest: Guest) -> None:
        await guest.fail(await guest.read(), "not_found")
        await guest.read()

    async with proxied(tmp_path, behave) as (connection, _):
        with anyio.fail_after(30):
            await connection.wait_closed()
        with pytest.raises(ProtocolError, match="network does not work"):
            connection.check_open()


async def test_what_cannot_be_recorded_ends_the_desktop(tmp_path: Path) -> None:
    async def fail(_: EgressRecord) -> None:
        raise InfraError("the journal is full")

    async with (
        connected(tmp_path, Programs(b"\r\n\r\n")) as connection,
        egress(connection, Rules.of(()), fail),
    ):
        with anyio.fail_after(30):
            await connection.wait_closed()
        with pytest.raises(InfraError, match="the journal is full"):
            connection.check_open()


async def test_all_are_told_of_at_the_end(tmp_path: Path) -> None:
    async with serving(echo) as port:
        programs = Programs(connect(port), left=3)
        async with proxied(tmp_path, programs, f"localhost:{port}") as (_, records):
            await programs.until(lambda: len(programs.answers) == 3)
            assert records == []
    assert [record.allowed for record in records] == [True] * 3
