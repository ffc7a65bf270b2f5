"""A controller that starts desktops and then does nothing, to be killed.

python -m sandboxes.conformance.controller HOME BACKEND IMAGE COUNT [OUTLIVE_S]

It writes their ids once all stand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from sandboxes.conformance.subject import START_TIMEOUT_S
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec


async def main(home: Path, backend: str, image: str, count: int, outlive_s: float) -> None:
    ids: list[str] = []

    async def start(number: int) -> None:
        desktop = await host.start(
            DesktopSpec(image=image),
            backend=backend,
            holder=f"agent-{number}",
            outlive_s=outlive_s,
            timeout=START_TIMEOUT_S,
        )
        await desktop.screenshot()
        ids.append(desktop.id)

    async with Host(home) as host:
        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(start, number)
        print(*ids, flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    outlive = float(sys.argv[5]) if sys.argv[5:] else 0
    anyio.run(main, Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), outlive)
