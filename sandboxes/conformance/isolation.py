"""What a desktop must not reach: its neighbour, the host, the image, the kernel."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxes.conformance.subject import Subject, expect, needs, refused, run, running, shell
from sandboxes.conformance.traces import processes

_SECRET = "7f3a-secret"
_FOLDERS = ("/home/user", "/tmp", "/var/tmp", "/dev/shm", "/run")
_IMAGE = ("/usr/bin/new", "/etc/new", "/new", "/opt/deskswarm/guest/deskswarm_guest/new.py", "/var/lib/new")
_KERNEL = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/proc/sysrq-trigger")
_MEMORY = ("/proc/kcore", "/dev/mem", "/dev/kmsg")
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_HARMLESS = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"}
_PRIVILEGED = (
    *("mount -t tmpfs none /mnt", "mknod /tmp/disk b 8 0", "chroot / true", "renice -n -5 $$"),
    *("echo password | su -c true", "echo password | sudo -S true", "hostname other"),
)


@needs("real")
async def files_are_private(subject: Subject) -> str:
    one, other = await subject.desktop("one"), await subject.desktop("other")
    for folder in _FOLDERS:
        await shell(one, f"echo {_SECRET} > {folder}/mine")
        expect(await shell(one, f"cat {folder}/mine") == _SECRET, folder)
        await refused(other, f"cat {folder}/mine")
        expect(not Path(folder, "mine").exists(), f"{folder}/mine is on the host")
    return ", ".join(_FOLDERS)


@needs("real")
async def processes_are_private(subject: Subject) -> str:
    one, other = await subject.desktop("one"), await subject.desktop("other")
    await one.open(["sleep", "98761"])
    await running(one, "sleep 98761")
    await refused(other, "pgrep -f '^sleep 98761'")
    expect(any("sandboxes.reaper" in text for _, text in processes()), "the host runs no reaper to look for")
    await refused(other, "pgrep -f '[s]andboxes.reaper'")
    return "what runs in one, or on the host, is not seen in the other"


@needs("real")
async def displays_are_private(subject: Subject) -> str:
    """All are display :0, with the same socket names."""
    one, other = await subject.desktop("one"), await subject.desktop("other")
    await shell(one, f"xprop -root -f MARK 8s -set MARK {_SECRET}")
    expect(_SECRET in await shell(one, "xprop -root MARK"), "a property is not kept")
    expect(_SECRET not in await shell(other, "xprop -root MARK"), "a property of the other's root window")
    await one.open(["xmessage", "-title", _SECRET, _SECRET])
    await shell(one, f"timeout 110 xdotool search --sync --name {_SECRET}")
    await refused(other, f"xdotool search --name {_SECRET}")
    return "neither properties nor windows"


@needs("real")
async def the_hosts_network_is_out_of_reach(subject: Subject) -> str:
    desktop = await subject.desktop("one")
    interfaces = (await shell(desktop, "tail -n +3 /proc/net/dev | cut -d: -f1")).split()
    expect(interfaces == ["lo"], interfaces)
    with _listening() as (port, name):
        probes = {
            f"socket.create_connection(('127.0.0.1', {port}), 5)": "ConnectionRefusedError",
            f"socket.socket(socket.AF_UNIX).connect('\\\\0{name}')": "ConnectionRefusedError",
            "socket.create_connection(('192.0.2.1', 80), 5)": "Network is unreachable",
        }
        for probe, answer in probes.items():
            complaint = await refused(desktop, f'python3 -c "import socket; {probe}"')
            expect(answer in complaint, f"{probe}: {complaint}")
    return "only its own loopback: no port, no abstract socket, no address outside"


@needs("real")
async def the_hosts_files_are_not_there(subject: Subject) -> str:
    desktop = await subject.desktop("one")
    with tempfile.TemporaryDirectory(prefix="deskswarm-conformance-") as folder:
        for path in (folder, subject.host.home, Path(__file__)):
            await refused(desktop, f"ls '{path}'")
    await refused(desktop, "ls /var/run/docker.sock || ls /run/docker.sock")
    return "a folder of the host, its home, its sockets"


@needs("real")
async def it_has_no_rights(subject: Subject) -> str:
    desktop = await subject.desktop("one")
    status = await shell(desktop, "cat /proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    held = {name: fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    expect(not any(int(value, 16) for value in held.values()), held)
    expect(fields["NoNewPrivs"] == "1", "programs may gain rights: NoNewPrivs is not set")
    expect(set(fields["Uid"].split()) == {"1000"}, fields["Uid"])
    return "user 1000, no capabilities, and no way to gain any"


@needs("real")
async def it_gains_none(subject: Subject) -> str:
    desktop = await subject.desktop("one")
    for script in _PRIVILEGED:
        complaint = await refused(desktop, script)
        expect("sudo" not in script or "password" not in complaint, f"sudo runs: {complaint}")
    return "; ".join(_PRIVILEGED)


@needs("real")
async def for_the_host_it_is_an_ordinary_user(subject: Subject) -> str:
    desktop = await subject.desktop("one")
    await desktop.open(["sleep", "98762"])
    await running(desktop, "sleep 98762")
    users = set(_users_of(b"98762"))
    expect(0 not in users, "its programs are root's processes on the host")
    if await shell(desktop, f"cat {_BOOT_ID}") != Path(_BOOT_ID).read_text().strip():
        return "its processes are another kernel's"
    expect(bool(users), "its programs run on the host's kernel, and are not among its processes")
    return f"users {sorted(users)}"


@needs("real")
async def the_image_is_read_only(subject: Subject) -> str:
    desktop = await subject.desktop("one")
    for path in _IMAGE:
        complaint = await refused(desktop, f"touch {path}")
        expect("Read-only file system" in complaint, f"{path}: {complaint}")
    return ", ".join(_IMAGE)


@needs("real")
async def the_kernels_settings_are_out_of_reach(subject: Subject) -> str:
    desktop = await subject.desktop("one")
    for path in _KERNEL:
        await refused(desktop, f"echo 1 > {path}")
    for path in _MEMORY:
        await refused(desktop, f'test -n "$(head -c 1 {path} | od -A n -t x1)"')
    found = await shell(desktop, "find /sys -xdev -writable -type f 2>/dev/null | head -n 3")
    expect(found == "", f"writable: {found}")
    return f"{', '.join((*_KERNEL, *_MEMORY))}, /sys"


@needs("real")
async def devices_are_harmless(subject: Subject) -> str:
    """Those that the user can open; they are the host's own nodes in a container, and must not be spoilt."""
    desktop = await subject.desktop("one")
    opened = "for f in /dev/* /dev/*/*; do [ -b $f -o -c $f ] && [ -r $f -o -w $f ] && echo $f; done; true"
    nodes = {line.removeprefix("/dev/") for line in (await shell(desktop, opened)).splitlines()}
    nodes = {name for name in nodes if not name.startswith("pts/")}
    expect({"null", "urandom"} <= nodes <= _HARMLESS, nodes)
    mode = Path("/dev/null").stat().st_mode
    await refused(desktop, "chmod 600 /dev/null")
    await refused(desktop, "python3 -c 'import os; os.fchmod(0, 0o600)' </dev/null")
    expect(Path("/dev/null").stat().st_mode == mode, "the host's /dev/null has another mode")
    return ", ".join(sorted(nodes))


async def two_desktops_share_no_files_of_the_api(subject: Subject) -> str:
    one, other = await subject.desktop("one"), await subject.desktop("other")
    await one.files.write("~/of-one", b"")
    expect(not await other.files.exists("~/of-one"), "a file of the other")
    await one.clipboard.write(_SECRET)
    expect(await other.clipboard.read() != _SECRET, "the other's clipboard")
    expect((await run(other, "true")).exit_code == 0, "programs no longer start")
    return "files, clipboard"


@contextmanager
def _listening() -> Iterator[tuple[int, str]]:
    """A TCP port and an abstract name that take connections on the host."""
    name = f"deskswarm-conformance-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        socket.create_connection(tcp.getsockname()).close()
        yield tcp.getsockname()[1], name


def _users_of(argument: bytes) -> Iterator[int]:
    """The host's users of the processes that were given this argument."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if argument in (folder / "cmdline").read_bytes().split(b"\0"):
                yield folder.stat().st_uid
        except (FileNotFoundError, ProcessLookupError):
            continue
