"""One at a time, in whatever process."""

from __future__ import annotations

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandboxes.deadline import Pace


@asynccontextmanager
async def only_one(path: Path) -> AsyncIterator[None]:
    """Hold a lock file. The kernel frees it however the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pace = Pace()
    with path.open("w") as lock:
        while not _locked(lock.fileno()):
            await pace.wait()
        yield


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
