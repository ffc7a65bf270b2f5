"""`deskswarm pool`."""

from __future__ import annotations

import time
from collections import defaultdict

import anyio

from runner.cli.output import duration, print_table
from sandboxes.backend import DesktopRecord
from sandboxes.host import Host
from sandboxes.pool import is_warm


def list_warm() -> None:
    """A row for each process, backend and image that warm desktops are of."""

    async def records() -> list[DesktopRecord]:
        return await Host().desktops()

    groups: defaultdict[tuple[str, str, str], list[DesktopRecord]] = defaultdict(list)
    for record in anyio.run(records):
        if is_warm(record):
            owner = str(record.owner.pid) if record.owner.is_alive() else f"{record.owner.pid} (dead)"
            groups[record.backend, record.image, owner].append(record)
    rows = [
        (*key, str(len(found)), duration(time.time() - min(record.started_at for record in found)))
        for key, found in sorted(groups.items())
    ]
    print_table(("BACKEND", "IMAGE", "OWNER", "WARM", "OLDEST"), rows)
