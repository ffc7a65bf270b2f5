"""A watch on the desktop's memory, for backends whose kernel does not limit it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import anyio

from .log import log

_INTERVAL_S = 1.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_KEPT = {"Xvfb", "dbus-daemon", "openbox"}


async def watch_memory(limit: int) -> None:
    """Every second, while all processes together hold more than `limit` bytes, kill the biggest one that
    the desktop can live without."""
    while True:
        await anyio.sleep(_INTERVAL_S)  # The kernel tells nobody of memory in use: it has to be looked at.
        await anyio.to_thread.run_sync(_enforce, limit)


def _enforce(limit: int) -> None:
    used = {pid: _private_bytes(pid) for pid in _pids()}
    total = sum(used.values())
    for pid in sorted(used, key=lambda one: used[one], reverse=True):
        if total <= limit:
            return
        name = _name(pid)
        if pid != os.getpid() and name not in _KEPT:
            log(f"memory: {total} of {limit} bytes in use; killing {name} ({pid}), which holds {used[pid]}")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            total -= used[pid]


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _private_bytes(pid: int) -> int:
    """Resident memory that is no file's and not shared; 0 for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
