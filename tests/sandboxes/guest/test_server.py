"""The server spoken to frame by frame: fencing, deadlines, bounds, nonsense, the dead-man's switch."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream

from sandboxes.backend import Backend, load_backend
from sandboxes.desktop import Desktop
from sandboxes.errors import DeadlineExceeded, GuestError
from sandboxes.guest.frames import Frame, FrameReader, send_frame
from sandboxes.guest.protocol import PROTOCOL_VERSION
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec, new_desktop_id

pytestmark = pytest.mark.anyio

FIRST, SECOND = "first-token-0123456789", "second-token-0123456789"


class Peer:
    """Sends requests one after another and gives the raw replies."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.reader = FrameReader(stream)
        self.number = 0

    async def send(self, op: str, lease: str = FIRST, deadline_s: float = 30, **args: Any) -> int:
        self.number += 1
        request = {"id": self.number, "op": op, "lease": lease, "deadline_s": deadline_s, "args": args}
        await send_frame(self.stream, Frame(json.dumps(request).encode()))
        return self.number

    async def reply(self) -> dict[str, Any]:
        with anyio.fail_after(30):
            answer: dict[str, Any] = json.loads((await self.reader.read()).header)
        return answer

    async def ask(self, op: str, lease: str = FIRST, deadline_s: float = 30, **args: Any) -> dict[str, Any]:
        await self.send(op, lease, deadline_s, **args)
        return await self.reply()

    async def hello(self, token: str = FIRST, epoch: int = 1, ttl_s: float = 60) -> dict[str, Any]:
        version = PROTOCOL_VERSION
        return await self.ask("hello", token, epoch=epoch, token=token, ttl_s=ttl_s, version=version)


@pytest.fixture
async def booting(home: Path, needs_image: Callable[[str], None]) -> AsyncIterator[tuple[Backend, str]]:
    """A desktop whose guest has just been started; nobody has said hello."""
    needs_image("slim")
    backend, name = load_backend("bubblewrap", home), new_desktop_id()
    await backend.create(name, DesktopSpec(image="slim"), Owner.current(), {})
    try:
        yield backend, name
    finally:
        await backend.stop(name)


@asynccontextmanager
async def peer(booting: tuple[Backend, str]) -> AsyncIterator[Peer]:
    backend, name = booting
    async with await backend.connect(name) as stream:
        yield Peer(stream)


async def test_the_switch_ends_a_desktop_whose_holder_falls_silent(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one:
        assert "result" in await one.hello(ttl_s=1.5)
        started = time.monotonic()
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await one.reply()
        assert 1 < time.monotonic() - started < 30


async def test_words_of_the_holder_keep_a_desktop_alive(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one:
        await one.hello(ttl_s=3)
        started = time.monotonic()
        while time.monotonic() - started < 4.5:
            assert "result" in await one.ask("settle", quiet_s=0.5)


async def test_hello_fences_off_earlier_leases(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one, peer(booting) as two:
        assert (await one.ask("windows"))["failure"]["kind"] == "stale_lease"
        assert (await one.hello())["result"]["width"] == 1920
        assert "result" in await one.hello(), "a re-connect with the current token"
        assert "result" in await two.hello(SECOND, epoch=2)
        assert (await one.ask("windows"))["failure"]["kind"] == "stale_lease"
        assert (await one.hello())["failure"]["kind"] == "stale_lease"
        assert (await one.hello("third-token-0123456789", epoch=2))["failure"]["kind"] == "stale_lease"
        assert "result" in await two.ask("windows", SECOND)


async def test_only_a_virtual_machines_host_can_tell_it_to_be_another(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one:
        await one.hello()
        seed, machine_id = "00" * 32, "00" * 16
        failure = (
            await one.ask("adopt", hostname="x", machine_id=machine_id, time_ns=1, seed=seed, lifetime_s=60)
        )["failure"]
        assert failure == {"kind": "bad_request", "message": "adopt: only on a virtual machine's port"}
        assert "result" in await one.ask("windows")


async def test_a_key_held_down_is_released_when_its_holder_is_replaced(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one, peer(booting) as two:
        await one.hello()
        down = [{"do": "mouse_down", "button": "left"}, {"do": "key_down", "key": "shift"}]
        assert (await one.ask("act", actions=down))["result"]["done"] == 2
        await two.hello(SECOND, epoch=2)
        program = "from Xlib.display import Display; print(Display().screen().root.query_pointer().mask)"
        await two.send("exec", SECOND, argv=["python3", "-c", program])
        with anyio.fail_after(30):
            frame = await two.reader.read()
        assert frame.attachment.split()[-1] == b"0"


async def test_hello_before_the_desktop_is_up_fails_at_its_deadline(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one:
        args: dict[str, Any] = {"epoch": 1, "token": FIRST, "ttl_s": 60, "version": PROTOCOL_VERSION}
        failure = (await one.ask("hello", deadline_s=0.001, **args))["failure"]
        assert failure["kind"] == "deadline"
        assert "starting" in failure["message"]


@pytest.mark.parametrize(
    "nonsense",
    [b"\xff" * 64, b"\0\0\0\x02\0\0\0\0{]", b"\0\0\0\x02\0\0\0\0{}"],
    ids=["oversized", "no JSON", "no request"],
)
async def test_nonsense_costs_its_own_connection_only(booting: tuple[Backend, str], nonsense: bytes) -> None:
    async with peer(booting) as one, peer(booting) as two:
        await two.hello()
        await one.stream.send(nonsense)
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await one.reply()
        assert "result" in await two.ask("windows")


async def test_too_many_requests_are_refused_and_the_others_served(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one:
        await one.hello()
        for _ in range(262):
            await one.send("settle", quiet_s=5, timeout_s=10)
        replies = [await one.reply() for _ in range(262)]
        refused = [reply["failure"]["message"] for reply in replies if "failure" in reply]
        assert refused == ["more than 256 requests at a time"] * 6


async def test_a_wrong_argument_or_operation_is_a_bad_request(booting: tuple[Backend, str]) -> None:
    async with peer(booting) as one:
        await one.hello()
        assert (await one.ask("windows", extra=1))["failure"]["kind"] == "bad_request"
        assert (await one.ask("no.such"))["failure"]["kind"] == "bad_request"


async def test_a_program_over_its_deadline_is_killed_with_all_it_started(shared: Desktop) -> None:
    script = "setsid sh -c 'sleep 987 & exec sleep 988' & (sleep 989 &) ; exec sleep 990"
    with pytest.raises(DeadlineExceeded):
        await shared.exec(["sh", "-c", script], timeout=1)
    processes = (await shared.exec(["ps", "-eo", "args"])).stdout.decode()
    assert "sleep 98" not in processes
    assert "sleep 99" not in processes


async def test_output_is_bounded_and_said_to_be(shared: Desktop) -> None:
    result = await shared.exec(["sh", "-c", "head -c 5000000 /dev/zero; echo err >&2; exit 3"])
    assert (result.exit_code, result.truncated, result.stderr) == (3, True, b"err\n")
    assert set(result.stdout) == {0}


async def test_standard_input_reaches_the_program(shared: Desktop) -> None:
    data = b"0123456789" * 100_000
    assert (await shared.exec(["wc", "-c"], stdin=data)).stdout.strip() == b"1000000"


async def test_what_a_program_leaves_behind_does_not_hold_up_its_result(shared: Desktop) -> None:
    result = await shared.exec(["sh", "-c", "sleep 300 & echo done"], timeout=10)
    assert result.stdout == b"done\n"
    assert b"sleep 300" in (await shared.exec(["ps", "-eo", "args"])).stdout
    await shared.exec(["sh", "-c", "kill $(ps -C sleep -o pid=)"])


async def test_a_program_that_cannot_be_executed_is_a_failure(shared: Desktop) -> None:
    with pytest.raises(GuestError, match="no-such-program"):
        await shared.exec(["no-such-program"])
    with pytest.raises(GuestError, match="no-such-program"):
        await shared.open(["no-such-program"])
    with pytest.raises(GuestError, match="no-such-folder"):
        await shared.exec(["true"], cwd="/no-such-folder")


async def test_nobody_is_left_a_zombie(shared: Desktop) -> None:
    await shared.exec(["sh", "-c", "for i in 1 2 3; do (true &) ; done"])
    reaped = "while ps -eo stat= | grep -q Z; do :; done"
    assert (await shared.exec(["sh", "-c", reaped], timeout=5)).exit_code == 0
