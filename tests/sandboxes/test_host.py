"""What a host promises, on each backend of real desktops."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.doctor import examine
from sandboxes.errors import DesktopStartError, ImageNotFound, InputError, StaleLease
from sandboxes.home import find_home, home_id, images_folder
from sandboxes.host import Host
from sandboxes.image import ImageStore
from sandboxes.reaper import reap
from sandboxes.spec import DesktopSpec, Screen
from tests.conftest import lacking

pytestmark = pytest.mark.anyio


async def test_a_desktop_is_recorded_with_who_and_what(host: Host, backend: str) -> None:
    spec = DesktopSpec(image="slim", screen=Screen(width=1280, height=720))
    labels = {"run": "r-1", "task": "Größe = 3, ok"}
    async with await host.start(spec, backend=backend, holder="alice", labels=labels) as desktop:
        (record,) = [record for record in await host.desktops() if record.id == desktop.id]
        assert (record.backend, record.image, record.labels) == (backend, "slim", labels)
        assert record.owner.is_alive()
        assert (desktop.lease.holder, desktop.lease.epoch) == ("alice", 1)
        assert desktop.size == spec.screen
        assert "ready" in await host.log(desktop.id)
    assert desktop.id not in [record.id for record in await host.desktops()]
    assert await host.log(desktop.id) == ""


async def test_a_desktop_passes_from_holder_to_holder(desktop: Desktop) -> None:
    await desktop.exec(["sh", "-c", "echo kept > /home/user/note"])
    next_one = await desktop.hand_over("bob")
    assert (next_one.lease.holder, next_one.lease.epoch) == ("bob", 2)
    assert (await next_one.exec(["cat", "/home/user/note"])).stdout == b"kept\n"
    with pytest.raises(StaleLease):
        await desktop.screenshot()
    await next_one.stop()


async def test_an_image_that_is_not_built_is_the_users_to_build(host: Host, backend: str) -> None:
    with pytest.raises(ImageNotFound):
        await host.start(DesktopSpec(image="no-such-image"), backend=backend, holder="test")


async def test_root_is_given_or_refused_before_anything_starts(host: Host, backend: str) -> None:
    spec = DesktopSpec(image="slim", root=True)
    if backend == "bubblewrap":
        with pytest.raises(InputError, match=r"desktop\.root"):
            await host.start(spec, backend=backend, holder="test")
        return
    async with await host.start(spec, backend=backend, holder="test") as desktop:
        result = await desktop.exec(
            ["sh", "-c", "echo password | sudo -S sh -c 'id -u; echo new > /etc/new'"]
        )
        assert result.stdout == b"0\n", result
        assert (await desktop.exec(["cat", "/etc/new"])).stdout == b"new\n"


async def test_an_unknown_backend_is_named(host: Host) -> None:
    with pytest.raises(InputError, match="backend: 'nonesuch'"):
        await host.start(DesktopSpec(), backend="nonesuch", holder="test")


async def test_leaving_the_block_ends_every_desktop(home: Path, backend: str) -> None:
    async with Host(home) as host:
        started = [
            await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") for _ in range(2)
        ]
        other = Host(home)
        known = {record.id for record in await other.desktops()}
        assert {desktop.id for desktop in started} <= known
    assert not {record.id for record in await other.desktops()} & {desktop.id for desktop in started}


async def test_another_process_may_stop_a_desktop(host: Host, backend: str, desktop: Desktop) -> None:
    await Host(host.home).stop(desktop.id)
    assert desktop.id not in [record.id for record in await host.desktops()]


async def test_the_doctor_finds_that_it_works(home: Path, backend: str) -> None:
    findings = {finding.subject: finding for finding in await examine(home)}
    assert findings[f"backend {backend}"].works, findings
    assert findings["image slim"].works
    assert "backend simulated" not in findings


async def test_the_doctor_names_the_fix(
    tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no image built, no engine where DOCKER_HOST says and no program on the path."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {finding.subject: finding for finding in await examine(tmp_path)}
    assert "apt-get install bubblewrap" in findings["backend bubblewrap"].fix
    assert "DOCKER_HOST" in findings["backend docker"].fix
    assert "apt-get install mmdebstrap" in findings["image builder"].fix
    assert findings["image slim"].fix == "run `deskswarm image build slim`"
    assert not any(findings[name].works for name in ("backend bubblewrap", "backend docker", "image slim"))


async def test_programs_are_open_from_the_beginning(host: Host, backend: str) -> None:
    spec = DesktopSpec(image="slim", open=(("mousepad",), ("thunar", "/tmp")))
    async with await host.start(spec, backend=backend, holder="test") as desktop:
        programs = {window.application for window in (await desktop.observe()).windows}
        await desktop.locator("frame", "tmp", exact=False, app="thunar").wait_for(timeout=60)
    assert {"Mousepad", "Thunar"} <= programs, programs


async def test_a_program_that_cannot_be_opened_fails_the_start(host: Host, backend: str) -> None:
    spec = DesktopSpec(image="slim", open=(("no-such-program",),))
    labels = {"opens": "nothing"}
    with pytest.raises(DesktopStartError, match="no-such-program"):
        await host.start(spec, backend=backend, holder="test", labels=labels)
    assert not [record for record in await host.desktops() if record.labels == labels]


def test_a_relative_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKSWARM_HOME", "some/where")
    with pytest.raises(InputError, match="DESKSWARM_HOME"):
        find_home()


async def test_reaping_writes_nothing_into_a_home(tmp_path: Path) -> None:
    """A reaper outlives its controller; by then the home may be half removed."""
    await reap(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_home_keeps_its_name(tmp_path: Path) -> None:
    assert home_id(tmp_path / "new") == home_id(tmp_path / "new") != home_id(tmp_path / "other")


# --- as a plain user ----------------------------------------------------------------------------------

PLAIN_USER = 65534
PLAIN_USER_PROGRAM = '''
import anyio, os, sys
from pathlib import Path
from sandboxes.errors import DesktopLost
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Limits

FORKS = """
import os, signal
count = 0
try:
    while count < 500 and os.fork():
        count += 1
    else:
        signal.pause()
except OSError:
    print(count)
"""

async def main():
    assert os.getuid() != 0
    spec = DesktopSpec(image="slim", limits=Limits(processes=150, memory=1 << 30))
    async with Host(Path(sys.argv[1])) as host:
        async with await host.start(spec, holder="plain") as desktop:
            assert (await desktop.exec(["id", "-u"])).stdout == b"1000\\n"
            assert len((await desktop.screenshot()).png) > 100
            assert (await desktop.exec(["touch", "/usr/new"])).exit_code != 0
            forks = await desktop.exec(["python3", "-c", FORKS])
            assert 10 < int(forks.stdout) < 150, forks
            print("desktop", desktop.id, "stood")

anyio.run(main)
'''


@pytest.fixture
def open_home(needs_image: Callable[[str], None], home: Path) -> Iterator[Path]:
    """A home that belongs to the plain user, with the small image where it can read it."""
    needs_image("slim")
    image = ImageStore(images_folder(home)).find("slim").rootfs.parent
    with tempfile.TemporaryDirectory(prefix="deskswarm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        images_folder(folder).mkdir()
        source, target = str(image), str(images_folder(folder))
        linked = subprocess.run(
            ["cp", "--archive", "--link", source, target], check=False, capture_output=True
        )
        if linked.returncode != 0:
            subprocess.run(["cp", "--archive", source, target], check=True)
        shutil.chown(folder, PLAIN_USER, PLAIN_USER)
        yield folder


def run_plain(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program, with the modules this process has, as a user of no rights."""
    return subprocess.run(
        command,
        user=PLAIN_USER,
        group=PLAIN_USER,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def open_python() -> str:
    """A Python of this version that any user may run, with these modules."""
    if os.geteuid() != 0:
        lacking("only root can become another user")
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with suppress(OSError):
            if run_plain(candidate, "-c", "import anyio").returncode == 0:
                return candidate
    return lacking("no Python that a plain user may run")


async def test_a_plain_user_needs_nothing_more(open_home: Path, open_python: str) -> None:
    result = await anyio.to_thread.run_sync(run_plain, open_python, "-c", PLAIN_USER_PROGRAM, str(open_home))
    assert result.returncode == 0, result.stderr
    assert "stood" in result.stdout
    assert list(open_home.glob("run/*/*")) == []
