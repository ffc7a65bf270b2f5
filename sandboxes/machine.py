"""What this machine has left for desktops, measured."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sandboxes import cgroup


def processors() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0))


def free_memory() -> int:
    """Bytes that can be taken without harm to anyone: of the machine, or of our own control groups."""
    available = _meminfo("MemAvailable")
    room = cgroup.headroom()
    return available if room is None else min(available, room)


def free_disk(folder: Path) -> int:
    """Bytes free on the disk that a folder is, or will be, on."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(nearest).free


def _meminfo(name: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    raise LookupError(name)
