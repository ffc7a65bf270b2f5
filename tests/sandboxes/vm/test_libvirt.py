"""What only virtual machines can do, or get wrong: copies of what runs, and whom QEMU runs as."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sandboxes.backend import load_backend
from sandboxes.desktop import Desktop
from sandboxes.errors import BackendUnavailable, DesktopLost, SnapshotError
from sandboxes.host import Host
from sandboxes.libvirt_engine import LibvirtBackend
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec, new_desktop_id
from sandboxes.vm.hypervisor import VARIABLE
from sandboxes.vm.record import read_record
from sandboxes.vm.stage import Stage
from tests.conftest import lacking

pytestmark = [pytest.mark.anyio, pytest.mark.libvirt]

SPEC = DesktopSpec(image="slim")
COUNTER = """
import time
n = 0
while True:
    n += 1
    open('/tmp/count', 'w').write(str(n))
    time.sleep(0.2)
"""
WHO = "hostname; cat /run/machine-id; head -c 16 /dev/urandom | md5sum"


@pytest.fixture(scope="module", autouse=True)
async def libvirt(home: Path, needs_image: Callable[[str], None]) -> None:
    try:
        await load_backend("libvirt", home).check()
    except BackendUnavailable as error:
        lacking(f"libvirt: {error}")
    needs_image("slim")


@pytest.fixture
async def machine(host: Host) -> AsyncIterator[Desktop]:
    async with await host.start(SPEC, backend="libvirt", holder="test") as desktop:
        yield desktop


async def said(desktop: Desktop, script: str) -> str:
    result = await desktop.exec(["sh", "-c", script])
    assert result.exit_code == 0, result
    return result.stdout.decode()


async def count(desktop: Desktop) -> int:
    """Once it is there, and whole."""
    return int(
        await said(desktop, "until grep -q . /tmp/count; do sleep 0.1; done 2>/dev/null; cat /tmp/count")
    )


async def test_programs_run_on_in_a_copy_and_in_its_copies(machine: Desktop) -> None:
    await machine.open(["python3", "-c", COUNTER])
    before = await count(machine)
    async with await machine.fork(holder="son") as son, await son.fork(holder="grandson") as grandson:
        family = [machine, son, grandson]
        for one in family:
            await said(one, f'until [ "$(cat /tmp/count)" -gt {before + 5} ]; do sleep 0.1; done 2>/dev/null')
        assert len({await said(one, "pgrep -f /tmp/count | head -n 1") for one in family}) == 1
        await said(son, "echo son > /tmp/mine")
        assert (await grandson.exec(["cat", "/tmp/mine"])).exit_code != 0
        assert (await machine.exec(["cat", "/tmp/mine"])).exit_code != 0


async def test_copies_share_the_file_their_memory_began_with(host: Host, machine: Desktop) -> None:
    runs = Stage(host.home).runs
    async with await machine.fork(holder="son") as son:
        began_with = {record.memory for one in (machine, son) if (record := read_record(runs / one.id))}
        assert len(began_with) == 1
        assert not (runs / son.id / "memory").exists()


async def test_a_copy_of_a_restored_machine_outlives_it(host: Host, machine: Desktop) -> None:
    """What that one's memory began with ends with it."""
    await machine.open(["python3", "-c", COUNTER])
    before = await count(machine)
    taken = await machine.snapshot()
    async with await host.restore(taken.id, holder="restored") as restored:
        son = await restored.fork(holder="son")
    async with son, await son.fork(holder="grandson") as grandson:
        await said(
            grandson, f'until [ "$(cat /tmp/count)" -gt {before + 5} ]; do sleep 0.1; done 2>/dev/null'
        )


async def test_a_copy_reads_from_its_disk_what_was_written_there(host: Host) -> None:
    """QEMU has the copy's disk open before what is on it is copied."""
    as_root = "echo password | sudo -S sh -c '{}' 2>/dev/null"
    spec = SPEC.model_copy(update={"root": True})
    async with await host.start(spec, backend="libvirt", holder="test") as machine:
        written = await said(
            machine, as_root.format("head -c 9000000 /dev/urandom > /root/file; sync; md5sum /root/file")
        )
        async with await machine.fork(holder="copy") as copy:
            forget = "echo 3 > /proc/sys/vm/drop_caches"
            assert await said(copy, as_root.format(f"{forget}; md5sum /root/file")) == written


async def test_each_copy_is_somebody_else(machine: Desktop) -> None:
    async with await machine.fork(holder="copy") as copy:
        for line, other in zip(
            (await said(machine, WHO)).splitlines(), (await said(copy, WHO)).splitlines(), strict=True
        ):
            assert line != other
        assert (await said(copy, "hostname")).strip() == copy.id
        assert abs(float(await said(copy, "date +%s.%N")) - float(await said(machine, "date +%s.%N"))) < 30


async def test_a_copy_keeps_what_the_screen_shows(machine: Desktop) -> None:
    await machine.open(["xmessage", "-title", "before the copy", "kept"])
    await said(machine, "xdotool search --sync --name 'before the copy'")
    async with await machine.fork(holder="copy") as copy:
        await said(copy, "xdotool search --name 'before the copy'")
        shown = await machine.screenshot()  # both have stood still since
        assert (await copy.screenshot()).png == shown.png


async def test_a_saved_machine_goes_with_no_other_disk(host: Host, machine: Desktop, tmp_path: Path) -> None:
    backend = LibvirtBackend(host.home)
    await backend.save(machine.id, tmp_path)
    saved = json.loads((tmp_path / "machine.json").read_text())
    (tmp_path / "machine.json").write_text(json.dumps(saved | {"disk": "0" * 64}))
    with pytest.raises(SnapshotError, match="was saved with disk 000000000000"):
        await backend.create_from("d-0123456789ab", SPEC, Owner.current(), {}, tmp_path)
    assert {desktop.id for desktop in await backend.desktops()} == {machine.id}


async def test_qemu_has_no_rights_and_no_network(host: Host, machine: Desktop) -> None:
    record = read_record(Stage(host.home).runs / machine.id)
    assert record
    assert record.process
    process = Path(f"/proc/{record.process.pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    assert status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == 0
    assert os.geteuid() != 0 or int(status["Uid"].split()[0]) >= 0x7000_0000
    command = (process / "cmdline").read_bytes().decode().split("\0")
    assert not {"-netdev", "-vnc", "-spice"} & set(command)
    assert not [word for word in command if "virtio-net" in word or "usb-" in word]
    assert "-nodefaults" in command


async def test_another_process_reads_its_last_words(host: Host, machine: Desktop) -> None:
    other = LibvirtBackend(host.home)
    assert (await other.memory([machine.id, "d-000000000000"])).keys() == {machine.id}
    with suppress(DesktopLost):  # it may end before it answers
        await machine.exec(["pkill", "-TERM", "-o", "-u", "user", "-f", "deskswarm_guest"])
    with pytest.raises(DesktopLost):
        await machine.screenshot()
    assert "the desktop ends: SIGTERM" in await other.log(machine.id)


async def test_a_machine_that_nobody_has_a_record_of_is_ended(host: Host, machine: Desktop) -> None:
    """As when its controller died, and was cleaned up after, while libvirt was still starting it."""
    stray = new_desktop_id()
    backend = LibvirtBackend(host.home)
    await backend.create(stray, SPEC, Owner.current(), {})
    try:
        (Stage(host.home).runs / stray / "record.json").unlink()
        assert stray not in await backend.reap()
        with pytest.raises(DesktopLost):
            await (await LibvirtBackend(host.home).connect(stray)).aclose()
        await machine.screenshot()
    finally:
        await backend.stop(stray)


async def test_another_machines_libvirt_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "qemu+ssh://user@host.invalid/system")
    with pytest.raises(BackendUnavailable, match=VARIABLE):
        await load_backend("libvirt", home).check()


async def test_a_libvirt_that_is_not_there_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "qemu:///nonsense")
    with pytest.raises(BackendUnavailable, match="qemu:///nonsense"):
        await load_backend("libvirt", home).check()


async def test_a_template_holds_the_programs_that_are_to_be_open(host: Host) -> None:
    """The second desktop opens nothing: both are copies of one on which it was open."""
    spec = DesktopSpec(image="slim", open=(("mousepad",),))
    processes = []
    for _ in range(2):
        async with await host.start(spec, backend="libvirt", holder="test") as desktop:
            (window,) = [one for one in (await desktop.observe()).windows if "Mousepad" in one.title]
            processes.append((window.pid, (await said(desktop, f"cut -d' ' -f22 /proc/{window.pid}/stat"))))
    assert processes[0] == processes[1]
