"""A desktop's whole life: created, used, destroyed. As a program, a controller to be killed on its way.

python -m runner.bench.cycle HOME BACKEND
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from runner.bench.backends import SMALL
from sandboxes.host import Host

_START_S = 300.0


async def live_once(host: Host, backend: str) -> str:
    """The desktop's id."""
    desktop = await host.start(SMALL, holder="churn", backend=backend, timeout=_START_S)
    async with desktop:
        await desktop.files.write("~/note", b"used")
        await desktop.exec(["sh", "-c", "sleep 1000 & cat ~/note"])
        await desktop.screenshot()
    return desktop.id


async def main(home: Path, backend: str) -> None:
    async with Host(home) as host:
        await live_once(host, backend)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2])
