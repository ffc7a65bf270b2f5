"""However a controller ends, its desktops are gone soon after, and leave nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from sandboxes.backend import load_backend
from sandboxes.errors import DesktopLost, DesktopStartError
from sandboxes.home import images_folder, run_folder
from sandboxes.host import Host
from sandboxes.lease import DEFAULT_TTL_S
from sandboxes.owner import Owner
from sandboxes.reaper import reap
from sandboxes.spec import DesktopSpec, Limits
from tests.sandboxes.traces import processes, traces, wait_until_clean

pytestmark = pytest.mark.anyio

CLEAN_WITHIN_SECONDS = 15
DESKTOPS = 3


@pytest.fixture
def own_home(tmp_path: Path, home: Path) -> Path:
    """A home for one controller, so that its traces are told from those of other tests."""
    images_folder(tmp_path).symlink_to(images_folder(home).resolve())
    return tmp_path


@contextmanager
def controller(home: Path, backend: str) -> Iterator[subprocess.Popen[str]]:
    """A controller in a process group of its own, once its desktops stand."""
    program = Path(__file__).with_name("controller.py")
    command = [sys.executable, str(program), str(home), backend, str(DESKTOPS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


async def ids_of(home: Path, backend: str) -> list[str]:
    return [record.id for record in await load_backend(backend, home).desktops()]


def reaper_of(home: Path) -> int:
    (found,) = [pid for pid, text in processes() if "sandboxes.reaper" in text and str(home) in text]
    return found


@pytest.mark.parametrize("blow", ["kill", "kill the group", "interrupt"])
async def test_nothing_outlives_a_controller(own_home: Path, backend: str, blow: str) -> None:
    with controller(own_home, backend) as process:
        ids = await ids_of(own_home, backend)
        assert len(ids) == DESKTOPS
        assert len(traces(own_home, ids, backend)) > DESKTOPS
        if blow == "kill":
            process.kill()
        elif blow == "kill the group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(signal.SIGINT)
        took = wait_until_clean(own_home, ids, backend, CLEAN_WITHIN_SECONDS)
    print(f"{backend}: after {blow}, clean in {took:.1f} s")


async def test_nothing_outlives_a_controller_and_its_reaper(own_home: Path, backend: str) -> None:
    """Then desktops end themselves, or are the next host's to remove."""
    with controller(own_home, backend) as process:
        ids = await ids_of(own_home, backend)
        os.kill(reaper_of(own_home), signal.SIGKILL)
        process.kill()
        process.wait()
        if backend == "bubblewrap":
            assert sorted((await reap(own_home)).removed) == sorted(ids)
        wait_until_clean(own_home, ids, backend, DEFAULT_TTL_S + CLEAN_WITHIN_SECONDS)


async def test_reaping_spares_the_living(host: Host, backend: str) -> None:
    async with await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") as desktop:
        assert desktop.id not in await host.reap()
        await desktop.screenshot()


async def test_stopping_leaves_nothing(own_home: Path, backend: str) -> None:
    async with Host(own_home) as host:
        desktop = await host.start(DesktopSpec(image="slim"), backend=backend, holder="test")
        await desktop.stop()
        await host.stop(desktop.id)
        assert await host.desktops() == []
        assert [line for line in traces(own_home, [desktop.id], backend) if desktop.id in line] == []
    wait_until_clean(own_home, [desktop.id], backend, CLEAN_WITHIN_SECONDS)


async def test_a_cancelled_start_leaves_nothing(own_home: Path, backend: str) -> None:
    """Cancelled at many points of its way."""
    async with Host(own_home) as host:
        for after in (0.0, 0.01, 0.05, 0.1, 0.2, 0.4):
            with anyio.move_on_after(after) as scope:
                await host.start(DesktopSpec(image="slim"), backend=backend, holder="test")
            assert scope.cancelled_caught
            assert await host.desktops() == []
    wait_until_clean(own_home, [], backend, CLEAN_WITHIN_SECONDS)


async def test_a_failed_start_says_why_and_leaves_nothing(own_home: Path, backend: str) -> None:
    """A desktop whose life is shorter than its boot."""
    spec = DesktopSpec(image="slim", limits=Limits(lifetime_s=0.2))
    async with Host(own_home) as host:
        with pytest.raises(DesktopStartError, match="lifetime over"):
            await host.start(spec, backend=backend, holder="test")
        assert await host.desktops() == []
    wait_until_clean(own_home, [], backend, CLEAN_WITHIN_SECONDS)


async def test_a_killed_desktop_is_lost_at_once(host: Host, backend: str) -> None:
    async with await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") as desktop:
        kill_desktop(backend, host.home, desktop.id)
        with anyio.fail_after(2), pytest.raises(DesktopLost):
            await desktop.exec(["sleep", "60"])


def kill_desktop(backend: str, home: Path, desktop_id: str) -> None:
    """As the kernel's out-of-memory killer, or an administrator, might."""
    if backend == "docker":
        subprocess.run(["docker", "kill", desktop_id], check=True, capture_output=True)
    else:
        record = json.loads((run_folder(home, backend) / desktop_id / "record.json").read_text())
        os.kill(Owner.parse(record["processes"][-1]).pid, signal.SIGKILL)
