"""The guest's own log: short lines on standard error, with the seconds since its process began."""

from __future__ import annotations

import os
import sys
import time


def _process_age() -> float:
    """Seconds since the kernel started this process, which includes Python's own start."""
    with open("/proc/self/stat", encoding="utf-8") as stat:  # noqa: PTH123 (pathlib costs start-up time)
        started_ticks = int(stat.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")


_STARTED = time.monotonic() - _process_age()


def age() -> float:
    """Seconds since this process began."""
    return time.monotonic() - _STARTED


def log(message: str) -> None:
    print(f"[{age():8.3f}] {message}", file=sys.stderr, flush=True)
