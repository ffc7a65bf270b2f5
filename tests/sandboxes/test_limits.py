"""What one desktop may use up: its own share, and never its neighbour's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.errors import DesktopLost
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Limits

pytestmark = pytest.mark.anyio

MIB = 1 << 20
LIMITS = Limits(memory=400 * MIB, processes=120, disk=64 * MIB)

HOG = """
held = []
while True:
    held.append(bytearray(16 << 20))
    print(len(held) * 16, flush=True)
"""
FORKS = """
import os, signal, time
children = []
try:
    while len(children) < 1000:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError:
    pass
print(len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
async def small(host: Host, backend: str) -> AsyncIterator[Desktop]:
    spec = DesktopSpec(image="slim", limits=LIMITS)
    async with await host.start(spec, backend=backend, holder="test") as desktop:
        yield desktop


@pytest.fixture(scope="module")
async def neighbour(host: Host, backend: str) -> AsyncIterator[Desktop]:
    async with await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") as desktop:
        yield desktop


async def test_a_memory_hog_is_killed_and_nothing_else(small: Desktop, neighbour: Desktop) -> None:
    result = await small.exec(["python3", "-c", HOG])
    assert result.exit_code != 0
    reached = int(result.stdout.split()[-1])
    assert 50 < reached < 400
    await neighbour.screenshot()
    await small.screenshot()


async def test_files_in_memory_count_as_memory(host: Host, backend: str, neighbour: Desktop) -> None:
    """A private folder may hold more than the desktop's memory; what fills it pays for it."""
    spec = DesktopSpec(image="slim", limits=Limits(memory=400 * MIB, disk=4096 * MIB))
    async with await host.start(spec, backend=backend, holder="test") as greedy:
        try:
            result = await greedy.exec(["dd", "if=/dev/zero", "of=/tmp/big", "bs=1M", "count=1000"])
            assert result.exit_code != 0
        except DesktopLost:
            pass  # the kernel may choose process 1, which ends the desktop
    await neighbour.screenshot()


async def test_a_fork_bomb_is_contained(small: Desktop, neighbour: Desktop) -> None:
    result = await small.exec(["python3", "-c", FORKS])
    assert result.exit_code == 0, result
    assert 10 < int(result.stdout) < LIMITS.processes
    assert (await small.exec(["true"])).exit_code == 0
    assert (await neighbour.exec(["true"])).exit_code == 0


@pytest.mark.parametrize("folder", ["/home/user", "/tmp", "/dev/shm", "/run", "/var/tmp"])
async def test_a_full_folder_says_so(small: Desktop, folder: str) -> None:
    result = await small.exec(["dd", "if=/dev/zero", f"of={folder}/big", "bs=1M", "count=100"])
    assert b"No space left on device" in result.stderr
    assert (await small.exec(["rm", f"{folder}/big"])).exit_code == 0
    await small.screenshot()


async def test_its_lifetime_ends_it(host: Host, backend: str) -> None:
    spec = DesktopSpec(image="slim", limits=Limits(lifetime_s=6))
    async with await host.start(spec, backend=backend, holder="test") as desktop:
        with anyio.fail_after(10), pytest.raises(DesktopLost):
            await desktop.exec(["sleep", "60"])
