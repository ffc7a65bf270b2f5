"""Who started a desktop, in a form that tells whether that process still lives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of this boot of this machine. The start time tells it from a later process of the same id."""

    pid: int
    started: int
    boot: str

    @classmethod
    def current(cls) -> Owner:
        return cls(os.getpid(), _start_ticks(os.getpid()), _boot_id())

    @classmethod
    def parse(cls, text: str) -> Owner:
        """Read what `str()` wrote. Raises ValueError."""
        pid, started, boot = text.split(":")
        return cls(int(pid), int(started), boot)

    def __str__(self) -> str:
        return f"{self.pid}:{self.started}:{self.boot}"

    def is_alive(self) -> bool:
        if self.boot != _boot_id():
            return False
        try:
            return _start_ticks(self.pid) == self.started
        except (FileNotFoundError, ProcessLookupError):
            return False


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_ticks(pid: int) -> int:
    """Field 22 of /proc/PID/stat; the name before it may hold spaces and parentheses."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[19])
