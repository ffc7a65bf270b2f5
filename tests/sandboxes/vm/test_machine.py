"""A virtual machine of the small image, under software emulation, spoken to through its ports."""

from __future__ import annotations

import itertools
import platform
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from sandboxes.connection import Connection
from sandboxes.deadline import Pace, deadline
from sandboxes.errors import StaleLease
from sandboxes.guest.protocol import (
    Act,
    ActReply,
    Exec,
    ExecReply,
    FileRead,
    FileReadReply,
    FileWrite,
    Launch,
    LaunchReply,
    Nothing,
    Observe,
    ObserveReply,
    Type,
)
from sandboxes.image import ImageStore
from sandboxes.image.disk import VmDisk, missing_packages, vm_disk
from sandboxes.lease import Lease
from sandboxes.spec import DesktopSpec, Limits, Screen
from sandboxes.vm.adopt import adopt
from tests.conftest import lacking
from tests.sandboxes.vm.machine import PORTS, Machine, machine

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

epochs = itertools.count(1)
SPEC = DesktopSpec(
    image="slim", screen=Screen(width=1024, height=768), limits=Limits(memory="1GiB", disk="64MiB")
)
BLOB = bytes(range(256)) * 4096
TIMEOUT = 120


@pytest.fixture(scope="module")
async def disk(home: Path, needs_image: Callable[[str], None]) -> VmDisk:
    if platform.machine() != "x86_64" or shutil.which("qemu-system-x86_64") is None:
        lacking("virtual machines need qemu-system-x86")
    if packages := missing_packages():
        lacking(f"making a disk needs {' '.join(packages)}")
    needs_image("slim")
    store = ImageStore(home / "images")
    return await vm_disk(store.find("slim"), store, lambda _: None)


@pytest.fixture(scope="module")
async def booted(disk: VmDisk, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    async with machine(disk, SPEC, tmp_path_factory.mktemp("vm")) as started:
        await started.ready()
        yield started


@asynccontextmanager
async def held(machine: Machine, port: int = 0) -> AsyncIterator[Connection]:
    """A connection with a lease newer than all before. The first `hello` waits for the desktop."""
    stream = await machine.open(port)
    with anyio.fail_after(TIMEOUT):
        async with Connection(stream, Lease("vm", "test", next(epochs), 60)) as connection:
            yield connection


async def look(connection: Connection) -> tuple[ObserveReply, bytes]:
    return await connection.request("observe", Observe(), ObserveReply, timeout=TIMEOUT)


async def shows(connection: Connection, text: bytes) -> bool:
    """Whether the accessibility tree, without its pixels, holds a text."""
    seen, data = await look(connection)
    return text in data[: seen.tree_bytes]


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    pace = Pace(0.5)
    with deadline(what, TIMEOUT):
        while not await condition():
            await pace.wait()


async def output(connection: Connection, *argv: str) -> str:
    reply, data = await connection.request("exec", Exec(argv=argv), ExecReply, timeout=TIMEOUT)
    return f"{data.decode().strip()}" if reply.exit_code == 0 else f"failed: {data.decode()}"


async def test_a_desktop_stands_is_seen_and_acted_on(booted: Machine) -> None:
    async with held(booted) as connection:
        assert connection.screen == SPEC.screen
        seen, data = await look(connection)
        assert [window.application for window in seen.state.windows] == ["Tint2"]
        assert len(data) > seen.tree_bytes
        launch = Launch(argv=("mousepad",))
        await connection.request("launch", launch, LaunchReply, timeout=TIMEOUT)
        await until(lambda: shows(connection, b'"role": "text"'), "an editor")
        typed = Act(actions=(Type(text="typed into a machine"),))
        await connection.request("act", typed, ActReply, timeout=TIMEOUT)
        await until(lambda: shows(connection, b"typed into a machine"), "what was typed")


async def test_files_travel_both_ways_unchanged(booted: Machine) -> None:
    async with held(booted) as connection:
        await connection.request("file.write", FileWrite(path="~/blob"), Nothing, BLOB, timeout=TIMEOUT)
        _, data = await connection.request(
            "file.read", FileRead(path="~/blob"), FileReadReply, timeout=TIMEOUT
        )
        assert data == BLOB


async def test_the_user_has_no_rights_and_folders_of_a_limited_size(booted: Machine) -> None:
    async with held(booted) as connection:
        assert (await output(connection, "id", "-u")) == "1000"
        assert "no new privileges" in await output(connection, "sudo", "-n", "true")
        assert "Read-only" in await output(connection, "touch", "/etc/mine")
        for device in ("vda", "kmsg", "vport2p1"):
            assert "Permission denied" in await output(connection, "head", "-c1", f"/dev/{device}")
        assert "CapBnd:\t0000000000000000" in await output(connection, "cat", "/proc/self/status")
        sizes = await output(
            connection, "df", "--output=size", "-B1M", "/home/user", "/tmp", "/run", "/dev/shm"
        )
        assert sizes.split()[1:] == ["64"] * 4


async def test_every_port_carries_a_connection_of_its_own(booted: Machine) -> None:
    async with held(booted, 0) as first:
        for port in range(1, PORTS):
            async with held(booted, port) as later:
                assert await output(later, "echo", str(port)) == str(port)
        with pytest.raises(StaleLease):
            await output(first, "true")


async def test_a_connection_that_breaks_off_anywhere_leaves_nothing_to_the_next(booted: Machine) -> None:
    request = (1 << 10).to_bytes(4, "big") + (1 << 20).to_bytes(4, "big") + BLOB
    for cut in (3, 8, 700, 5000):
        stream = await booted.open(0)
        await stream.send(request[:cut])
        await stream.aclose()
    async with held(booted) as connection:
        assert await output(connection, "echo", "clean") == "clean"


async def test_what_a_holder_started_ends_with_its_connection(booted: Machine) -> None:
    async with held(booted) as connection:
        with anyio.move_on_after(2):
            await output(connection, "sleep", "1234")
    async with held(booted) as connection:
        assert await output(connection, "sh", "-c", "pgrep -x sleep || echo none") == "none"


async def test_an_adopted_machine_is_another(booted: Machine) -> None:
    async with held(booted) as connection:
        identity = "hostname; cat /etc/machine-id; getent hosts $(hostname)"
        before = await output(connection, "sh", "-c", identity)
        stream = await booted.open(1)
        await adopt(stream, "copy-2", lifetime_s=3600, timeout=TIMEOUT)
        with pytest.raises(StaleLease):
            await output(connection, "true")
    with anyio.fail_after(TIMEOUT):
        async with Connection(stream, Lease("copy", "test", 1, 60)) as connection:
            after = await output(connection, "sh", "-c", identity)
            told = float(await output(connection, "date", "+%s"))
    names, others = before.split(), after.split()
    assert names[0] == "desktop"
    assert others[0] == others[-1] == "copy-2"
    assert others[1] != names[1]
    assert len(others[1]) == len(names[1]) == 32
    assert abs(told - time.time()) < TIMEOUT


async def test_root_is_given_where_it_is_asked_for_and_the_machine_ends_with_its_life(
    disk: VmDisk, tmp_path: Path
) -> None:
    async with machine(disk, SPEC.model_copy(update={"root": True}), tmp_path) as started:
        await started.ready()
        async with held(started) as connection:
            as_root = "echo password | sudo -S sh -c 'id -u >/etc/mine'; cat /etc/mine"
            assert (await output(connection, "sh", "-c", as_root)).startswith("0")
        async with await started.open(1) as stream:
            await adopt(stream, "short-lived", lifetime_s=1, timeout=TIMEOUT)
        await started.wait()
        assert "the desktop ends: lifetime over" in started.console()
