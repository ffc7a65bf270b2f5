"""A controller that starts desktops and then does nothing, for tests that kill it.

python controller.py HOME BACKEND COUNT     writes `ready` once all stand
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from sandboxes.host import Host
from sandboxes.spec import DesktopSpec


async def main(home: Path, backend: str, count: int) -> None:
    async with Host(home) as host:
        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(start, host, backend, f"agent-{number}")
        print("ready", flush=True)
        await anyio.sleep_forever()


async def start(host: Host, backend: str, holder: str) -> None:
    desktop = await host.start(DesktopSpec(image="slim"), backend=backend, holder=holder)
    await desktop.screenshot()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
