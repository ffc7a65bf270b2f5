"""What a desktop must not reach: the host, the image, its neighbour."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandboxes.desktop import Desktop
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio

SECRET = "7f3a-secret"


@pytest.fixture(scope="module")
async def pair(host: Host, backend: str) -> AsyncIterator[tuple[Desktop, Desktop]]:
    spec = DesktopSpec(image="slim")
    async with (
        await host.start(spec, backend=backend, holder="one") as one,
        await host.start(spec, backend=backend, holder="other") as other,
    ):
        yield one, other


async def shell(desktop: Desktop, script: str) -> str:
    """Run a script to its end, which must be a success; what it wrote."""
    result = await desktop.exec(["sh", "-c", script])
    assert result.exit_code == 0, (script, result)
    return result.stdout.decode().strip()


async def fails(desktop: Desktop, script: str) -> str:
    """Run a script, which must fail; what it complained of."""
    result = await desktop.exec(["sh", "-c", script])
    assert result.exit_code != 0, (script, result)
    return result.stderr.decode()


@pytest.mark.parametrize("folder", ["/home/user", "/tmp", "/var/tmp", "/dev/shm", "/run"])
async def test_files_are_private(pair: tuple[Desktop, Desktop], folder: str) -> None:
    one, other = pair
    await shell(one, f"echo {SECRET} > {folder}/mine")
    assert await shell(one, f"cat {folder}/mine") == SECRET
    await fails(other, f"cat {folder}/mine")
    assert not Path(folder, "mine").exists()


async def test_processes_are_private(pair: tuple[Desktop, Desktop]) -> None:
    one, other = pair
    await one.open(["sleep", "98761"])
    await shell(one, "pgrep -f 'sleep 9876[1]'")
    await fails(other, "pgrep -f 'sleep 9876[1]'")
    assert "deskswarm_guest" in await shell(other, "tr '\\0' ' ' </proc/1/cmdline")


async def test_displays_are_private(pair: tuple[Desktop, Desktop]) -> None:
    """Both are display :0, with the same socket names."""
    one, other = pair
    await shell(one, f"xprop -root -f MARK 8s -set MARK {SECRET}")
    assert SECRET in await shell(one, "xprop -root MARK")
    assert SECRET not in await shell(other, "xprop -root MARK")
    await one.open(["xmessage", "-title", SECRET, SECRET])
    await shell(one, f"xdotool search --sync --name {SECRET}")
    await fails(other, f"xdotool search --name {SECRET}")


async def test_there_is_no_network(desktop_network: tuple[Desktop, int, str]) -> None:
    desktop, port, name = desktop_network
    interfaces = await shell(desktop, "tail -n +3 /proc/net/dev | cut -d: -f1")
    assert interfaces.split() == ["lo"]
    probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
    assert "ConnectionRefusedError" in await fails(desktop, f'python3 -c "{probe}"')
    probe = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\\\0{name}')"
    assert "ConnectionRefusedError" in await fails(desktop, f'python3 -c "{probe}"')
    probe = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    assert "Network is unreachable" in await fails(desktop, f'python3 -c "{probe}"')


@pytest.fixture
def desktop_network(pair: tuple[Desktop, Desktop]) -> Iterator[tuple[Desktop, int, str]]:
    """A desktop, and two sockets that listen on the host: a TCP port and an abstract name."""
    with listening() as (port, name):
        yield pair[0], port, name


@contextmanager
def listening() -> Iterator[tuple[int, str]]:
    name = "deskswarm-isolation-test"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        socket.create_connection(tcp.getsockname()).close()
        yield tcp.getsockname()[1], name


async def test_host_files_are_not_there(pair: tuple[Desktop, Desktop], tmp_path: Path, home: Path) -> None:
    (tmp_path / "mine").write_text(SECRET)
    for path in (tmp_path, home, Path(__file__)):
        await fails(pair[0], f"ls {path}")
    assert SECRET not in await shell(pair[0], "cat /proc/self/mountinfo /proc/1/mountinfo")
    await fails(pair[0], "ls /var/run/docker.sock || ls /run/docker.sock")


async def test_it_has_no_rights(pair: tuple[Desktop, Desktop]) -> None:
    status = await shell(pair[0], "cat /proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    assert set(fields["Uid"].split()) == {"1000"}


async def test_for_the_host_it_is_an_ordinary_user(pair: tuple[Desktop, Desktop]) -> None:
    await pair[0].open(["sleep", "98762"])
    await shell(pair[0], "pgrep -f 'sleep 9876[2]'")
    users = {
        folder.stat().st_uid
        for folder in Path("/proc").glob("[0-9]*")
        if b"98762" in (folder / "cmdline").read_bytes().split(b"\0")
    }
    assert len(users) == 1
    assert 0 not in users


async def test_it_gains_none(pair: tuple[Desktop, Desktop]) -> None:
    assert "password" not in await fails(pair[0], "echo password | sudo -S true")
    await fails(pair[0], "echo password | su -c true")
    for script in ("mount -t tmpfs none /mnt", "mknod /tmp/disk b 8 0", "chroot / true", "renice -n -5 $$"):
        await fails(pair[0], script)


@pytest.mark.parametrize(
    "path",
    ["/usr/bin/new", "/etc/new", "/new", "/opt/deskswarm/guest/deskswarm_guest/new.py", "/var/lib/new"],
)
async def test_the_image_is_read_only(pair: tuple[Desktop, Desktop], path: str) -> None:
    assert "Read-only file system" in await fails(pair[0], f"touch {path}")


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/proc/sysrq-trigger"]
)
async def test_the_kernel_is_out_of_reach(pair: tuple[Desktop, Desktop], path: str) -> None:
    await fails(pair[0], f"echo 1 > {path}")


async def test_device_nodes_are_harmless_and_cannot_be_spoilt(pair: tuple[Desktop, Desktop]) -> None:
    devices = await shell(pair[0], "stat -c '%n %F' /dev/* 2>/dev/null | grep special")
    nodes = {line.split()[0].removeprefix("/dev/") for line in devices.splitlines()}
    assert {"null", "urandom"} <= nodes
    assert nodes <= {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"}
    mode = Path("/dev/null").stat().st_mode
    await fails(pair[0], "chmod 600 /dev/null")
    await fails(pair[0], "python3 -c 'import os; os.fchmod(0, 0o600)' </dev/null")
    assert Path("/dev/null").stat().st_mode == mode


async def test_sys_shows_nothing_writable(pair: tuple[Desktop, Desktop]) -> None:
    assert await shell(pair[0], "find /sys -xdev -writable -type f 2>/dev/null | head -n 3") == ""
