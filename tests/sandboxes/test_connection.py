"""The host's end of the stream, against guests that break every rule, on real Unix sockets."""

from __future__ import annotations

import math
import struct
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandboxes.connection import MAX_IN_FLIGHT, Connection
from sandboxes.errors import (
    ActionFailed,
    DeadlineExceeded,
    DeskswarmError,
    DesktopLost,
    FileError,
    GuestError,
    InfraError,
    InputError,
    ProtocolError,
    StaleLease,
)
from sandboxes.guest.protocol import Nothing, Screenshot, ScreenshotReply, WindowsReply
from tests.sandboxes.scripted_guest import HELLO, Behaviour, Guest, answering, connected, never

pytestmark = pytest.mark.anyio

MEBIBYTE = 1 << 20
Answer = Callable[[Guest, dict[str, Any]], Awaitable[None]]


async def ask(connection: Connection, timeout: float = 5) -> WindowsReply:
    reply, _ = await connection.request("windows", Nothing(), WindowsReply, timeout=timeout)
    return reply


def once(answer: Answer) -> Behaviour:
    """Wait for a request, answer it in a bad way, and keep the stream open."""

    async def behave(guest: Guest) -> None:
        await answer(guest, await guest.read())
        await never(guest)

    return behave


def raw(data: bytes) -> Answer:
    return lambda guest, _: guest.stream.send(data)


def header(text: str) -> Answer:
    return raw(struct.pack(">II", len(text), 0) + text.encode())


@contextmanager
def peak_memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


async def both(guest: Guest, request: dict[str, Any]) -> None:
    failure = {"kind": "internal", "message": ""}
    await guest.send({"id": request["id"], "result": {"windows": []}, "failure": failure})


async def twice(guest: Guest, request: dict[str, Any]) -> None:
    await guest.answer(request, {"windows": []})
    await guest.answer(request, {"windows": []})


BREACHES: dict[str, Answer] = {
    "oversized header": raw(b"\xff\xff\xff\xff\x00\x00\x00\x00"),
    "oversized attachment": raw(b"\x00\x00\x00\x02\xff\xff\xff\xff{}"),
    "noise": raw(bytes(range(255, -1, -1)) * 64),
    "not JSON": header("<html>"),
    "not UTF-8": raw(struct.pack(">II", 2, 0) + b"\xff\xfe"),
    "not an object": header("[1]"),
    "no id": header('{"result": {}}'),
    "neither result nor failure": lambda guest, request: guest.send({"id": request["id"]}),
    "both result and failure": both,
    "unknown failure": lambda guest, request: guest.fail(request, "bribery"),
    "deep nesting": header('{"id": 2, "result": {"windows": ' + "[" * 100_000),
    "wrong result": lambda guest, request: guest.answer(request, {"windows": "none"}),
    "extra field": lambda guest, request: guest.answer(request, {"windows": [], "path": "/etc/shadow"}),
    "attachment not asked for": lambda guest, request: guest.answer(request, {"windows": []}, b"x"),
    "reply to nobody": lambda guest, request: guest.send({"id": request["id"] + 1000, "result": {}}),
    "reply to the past": lambda guest, request: guest.send({"id": request["id"] - 1, "result": HELLO}),
}


@pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES)
async def test_a_breach_ends_everything_at_once(tmp_path: Path, breach: Answer) -> None:
    failed: list[type[DeskswarmError]] = []

    async def waiter(connection: Connection) -> None:
        with pytest.raises(ProtocolError):
            await ask(connection)
        failed.append(ProtocolError)

    with anyio.fail_after(30), peak_memory_below(2 * MEBIBYTE):
        async with connected(tmp_path, once(breach)) as connection:
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(waiter, connection)
            await connection.wait_closed()
            with pytest.raises(ProtocolError):
                await ask(connection)
    assert len(failed) == 3


async def test_a_second_reply_is_a_breach(tmp_path: Path) -> None:
    async with connected(tmp_path, once(twice)) as connection:
        await ask(connection)
        with anyio.fail_after(30):
            await connection.wait_closed()
        assert isinstance(connection.failure, ProtocolError)


@pytest.mark.parametrize(
    ("last_words", "error"),
    [(b"", DesktopLost), (b"\0", ProtocolError), (struct.pack(">II", 20, 0) + b'{"id"', ProtocolError)],
)
async def test_the_stream_ends(tmp_path: Path, last_words: bytes, error: type[DeskswarmError]) -> None:
    async def behave(guest: Guest) -> None:
        await guest.read()
        await guest.stream.send(last_words)

    with anyio.fail_after(30):
        async with connected(tmp_path, behave) as connection:
            with pytest.raises(error):
                await ask(connection)
            with pytest.raises(error):
                await ask(connection)


async def test_no_answer_is_the_hosts_own_deadline(tmp_path: Path) -> None:
    async with connected(tmp_path, never) as connection:
        with anyio.fail_after(30), pytest.raises(DeadlineExceeded, match=r"windows.*0\.1 s"):
            await ask(connection, timeout=0.1)
        assert connection.failure is None


async def test_a_late_answer_is_dropped(tmp_path: Path) -> None:
    given_up = anyio.Event()

    async def late(guest: Guest) -> None:
        first = await guest.read()
        await given_up.wait()
        await guest.answer(first, {"windows": []})
        await answering({"windows": ({"windows": []}, b"")})(guest)

    async with connected(tmp_path, late) as connection:
        with anyio.move_on_after(0.05):
            await ask(connection)
        given_up.set()
        assert await ask(connection) == WindowsReply(windows=())
        assert connection.failure is None


async def test_one_byte_at_a_time(tmp_path: Path) -> None:
    """Each byte comes in good time; the frame does not."""

    async def dribble(guest: Guest, request: dict[str, Any]) -> None:
        for byte in struct.pack(">II", 1000, 0) + b" " * 1000:
            await guest.stream.send(bytes([byte]))
            await anyio.sleep(0.05)

    with anyio.fail_after(30):
        async with connected(tmp_path, once(dribble), ttl_s=0.5) as connection:
            with pytest.raises(ProtocolError, match=r"longer than 0\.5 s"):
                await ask(connection, timeout=10)


async def test_unanswered_heartbeats_end_the_connection(tmp_path: Path) -> None:
    with anyio.fail_after(30):
        async with connected(tmp_path, never, ttl_s=0.3) as connection:
            with pytest.raises(DesktopLost, match="heartbeat"):
                await ask(connection, timeout=60)


async def test_answered_heartbeats_keep_it(tmp_path: Path) -> None:
    beats = 0
    enough = anyio.Event()

    async def count(guest: Guest) -> None:
        nonlocal beats
        while True:
            request = await guest.read()
            assert request["op"] == "heartbeat"
            beats += 1
            await guest.answer(request, {})
            if beats == 3:
                enough.set()

    async with connected(tmp_path, count, ttl_s=1.5) as connection:
        with anyio.fail_after(30):
            await enough.wait()
        assert connection.failure is None


async def test_a_flood_costs_no_memory(tmp_path: Path) -> None:
    """Answers nobody asked for, the largest there are."""

    async def flood(guest: Guest) -> None:
        frame = struct.pack(">II", 40, 64 * MEBIBYTE) + b'{"id": 99, "result": {}}'.ljust(40)
        await guest.stream.send(frame)
        while True:
            await guest.stream.send(b"\0" * MEBIBYTE)

    with anyio.fail_after(30), peak_memory_below(200 * MEBIBYTE):
        async with connected(tmp_path, flood) as connection:
            await connection.wait_closed()
    assert isinstance(connection.failure, ProtocolError)


async def test_a_guest_that_does_not_read(tmp_path: Path) -> None:
    """What it does not take waits with the caller, not in memory, and ends with its deadline."""
    data = bytes(MEBIBYTE)
    errors: list[type[Exception]] = []

    async def write(connection: Connection) -> None:
        try:
            await connection.request("clipboard.write", Nothing(), Nothing, data, timeout=0.2)
        except (DeadlineExceeded, DesktopLost) as error:
            errors.append(type(error))

    with anyio.fail_after(30), peak_memory_below(20 * MEBIBYTE):
        async with connected(tmp_path, lambda _: anyio.sleep(math.inf), ttl_s=1) as connection:
            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(write, connection)
            assert errors == [DeadlineExceeded] * 100
            await connection.wait_closed()
            assert isinstance(connection.failure, DesktopLost)


async def test_requests_in_flight_are_bounded(tmp_path: Path) -> None:
    surplus = 0

    async def hold_back(guest: Guest) -> None:
        nonlocal surplus
        requests = [await guest.read() for _ in range(MAX_IN_FLIGHT)]
        with anyio.move_on_after(0.2):
            await guest.read()
            surplus += 1
        for request in requests:
            await guest.answer(request, {"windows": []})
        await answering({"windows": ({"windows": []}, b"")})(guest)

    with anyio.fail_after(30):
        async with connected(tmp_path, hold_back) as connection, anyio.create_task_group() as tasks:
            for _ in range(MAX_IN_FLIGHT + 50):
                tasks.start_soon(ask, connection, 60)
    assert surplus == 0


async def test_a_guest_that_leaves_everything_unanswered_is_lost(tmp_path: Path) -> None:
    async with connected(tmp_path, never) as connection:
        with anyio.fail_after(60):
            while connection.failure is None:
                with anyio.move_on_after(0.3):  # a busy machine sends only some of them in that time
                    async with anyio.create_task_group() as tasks:
                        for _ in range(MAX_IN_FLIGHT):
                            tasks.start_soon(ask, connection, 60)
        with pytest.raises(DesktopLost, match="unanswered"):
            await ask(connection)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("bad_request", GuestError),
        ("stale_lease", StaleLease),
        ("action_failed", ActionFailed),
        ("file_error", FileError),
        ("not_found", GuestError),
        ("deadline", DeadlineExceeded),
        ("internal", InfraError),
    ],
)
async def test_failures_are_errors_of_their_kind(
    tmp_path: Path, kind: str, error: type[DeskswarmError]
) -> None:
    async with connected(tmp_path, once(lambda guest, request: guest.fail(request, kind))) as connection:
        with pytest.raises(DeskswarmError, match="windows: as the test says") as raised:
            await ask(connection)
        assert type(raised.value) is error
        assert type(connection.failure) is (StaleLease if kind == "stale_lease" else type(None))


@pytest.mark.parametrize(
    "hello",
    [{**HELLO, "version": 99}, {**HELLO, "width": 16000}, {**HELLO, "width": -1}, {}, {"windows": []}],
)
async def test_a_wrong_hello(tmp_path: Path, hello: object) -> None:
    with anyio.fail_after(30), pytest.raises(ProtocolError):
        async with connected(tmp_path, never, hello=hello):
            pytest.fail("connected")


async def test_the_block_is_not_cancelled_and_its_error_is_its_own(tmp_path: Path) -> None:
    async def hang_up(guest: Guest) -> None:
        return

    async def use() -> None:
        async with connected(tmp_path, hang_up) as connection:
            await connection.wait_closed()
            await anyio.lowlevel.checkpoint()
            raise KeyError

    with pytest.raises(KeyError):
        await use()


async def test_what_is_too_large_to_send_is_refused_here(tmp_path: Path) -> None:
    async with connected(tmp_path, never) as connection:
        with pytest.raises(InputError, match="too many"):
            await connection.request("exec", Nothing(), Nothing, bytes(145 * MEBIBYTE), timeout=1)
        with pytest.raises(InputError, match="deadline_s"):
            await ask(connection, timeout=4000)


async def test_the_largest_screenshot_comes_whole(tmp_path: Path) -> None:
    reply = {"serial": 1, "tiles": None, "cursor": {"x": 0, "y": 0}}
    pixels = bytes(7680 * 4320 * 4)
    async with connected(tmp_path, answering({"screenshot": (reply, pixels)})) as connection:
        with peak_memory_below(400 * MEBIBYTE):
            _, received = await connection.request("screenshot", Screenshot(), ScreenshotReply, timeout=10)
    assert received == pixels
