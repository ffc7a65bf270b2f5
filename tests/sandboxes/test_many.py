"""Many desktops at once: none may be lost to a race, a lock or a deadline that ran in the queue."""

from __future__ import annotations

import time

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Limits, Screen

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# Small, so that the machine's memory is not what is tested.
SPEC = DesktopSpec(
    image="slim", screen=Screen(width=1024, height=768), limits=Limits(memory=512 << 20, disk=64 << 20)
)
ANSWER_SECONDS = 120


@pytest.mark.parametrize("count", [32, 64])
async def test_all_become_ready(host: Host, backend: str, count: int) -> None:
    if backend == "docker" and count > 32:
        pytest.skip("64 at once are for the backend that is meant for it")
    began = time.monotonic()
    desktops: list[Desktop] = []

    async def start(number: int) -> None:
        desktops.append(await host.start(SPEC, backend=backend, holder=f"agent-{number}"))

    try:
        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(start, number)
        print(f"{backend}: {count} ready in {time.monotonic() - began:.1f} s")
        assert len({desktop.id for desktop in desktops}) == count
        async with anyio.create_task_group() as tasks:
            for desktop in desktops:
                tasks.start_soon(answers, desktop)
    finally:
        async with anyio.create_task_group() as tasks:
            for desktop in desktops:
                tasks.start_soon(desktop.stop)
    print(f"{backend}: {count} ready, asked and ended in {time.monotonic() - began:.1f} s")


async def answers(desktop: Desktop) -> None:
    screenshot = await desktop.screenshot(timeout=ANSWER_SECONDS)
    assert (screenshot.width, screenshot.height) == (1024, 768)
    result = await desktop.exec(["cat", "/run/machine-id"], timeout=ANSWER_SECONDS)
    assert result.exit_code == 0
