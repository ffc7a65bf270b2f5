"""A virtual machine spoken to through its ports, as nobody but the backend does."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream

from sandboxes.backend import load_backend
from sandboxes.connection import Connection
from sandboxes.errors import BackendUnavailable, StaleLease
from sandboxes.guest.protocol import Exec, ExecReply
from sandboxes.lease import Lease
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec, new_desktop_id
from sandboxes.vm.adopt import adopt
from sandboxes.vm.domain import PORTS, port_path
from sandboxes.vm.port import open_port
from sandboxes.vm.stage import Stage
from tests.conftest import lacking

pytestmark = [pytest.mark.anyio, pytest.mark.libvirt]

epochs = itertools.count(1)
SPEC = DesktopSpec(image="slim")  # whose template other tests use too
BLOB = bytes(range(256)) * 4096
TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Machine:
    folder: Path

    async def open(self, port: int) -> ByteStream:
        """A new connection."""
        with anyio.fail_after(TIMEOUT):
            return await open_port(port_path(self.folder, port))


@pytest.fixture(scope="module")
async def booted(home: Path, needs_image: Callable[[str], None]) -> AsyncIterator[Machine]:
    """A copy of the template that all tests here share, held by nobody."""
    try:
        backend = load_backend("libvirt", home)
        await backend.check()
    except BackendUnavailable as error:
        lacking(f"libvirt: {error}")
    needs_image("slim")
    name = new_desktop_id()
    await backend.create(name, SPEC, Owner.current(), {})
    try:
        await (await backend.connect(name)).aclose()  # the one that its new name was told on
        yield Machine(Stage(home).runs / name)
    finally:
        await backend.stop(name)


@asynccontextmanager
async def held(machine: Machine, port: int = 0) -> AsyncIterator[Connection]:
    """A connection with a lease newer than all before. The first `hello` waits for the desktop."""
    stream = await machine.open(port)
    with anyio.fail_after(TIMEOUT):
        async with Connection(stream, Lease("vm", "test", next(epochs), 300)) as connection:
            yield connection


async def output(connection: Connection, *argv: str) -> str:
    reply, data = await connection.request("exec", Exec(argv=argv), ExecReply, timeout=TIMEOUT)
    return f"{data.decode().strip()}" if reply.exit_code == 0 else f"failed: {data.decode()}"


async def test_the_user_has_no_rights_and_folders_of_a_limited_size(booted: Machine) -> None:
    async with held(booted) as connection:
        assert (await output(connection, "id", "-u")) == "1000"
        assert "no new privileges" in await output(connection, "sudo", "-n", "true")
        assert "Read-only" in await output(connection, "touch", "/etc/mine")
        for device in ("vda", "kmsg", "vport*"):
            assert "Permission denied" in await output(connection, "sh", "-c", f"head -c1 /dev/{device}")
        assert "CapBnd:\t0000000000000000" in await output(connection, "cat", "/proc/self/status")
        sizes = await output(
            connection, "df", "--output=size", "-B1M", "/home/user", "/tmp", "/run", "/dev/shm"
        )
        assert sizes.split()[1:] == ["1024"] * 4


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
    assert names[0] == booted.folder.name
    assert others[0] == others[-1] == "copy-2"
    assert others[1] != names[1]
    assert len(others[1]) == len(names[1]) == 32
    assert abs(told - time.time()) < TIMEOUT
