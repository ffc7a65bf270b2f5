"""Who started a desktop, in a form that tells whether that process still lives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_DEAD_STATES = ("Z", "X")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of this boot of this machine. The start time tells it from a later process of the same id."""

    pid: int
    started: int
    boot: str

    @classmethod
    def current(cls) -> Owner:
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Owner:
        """A process that runs now. Raises ProcessLookupError."""
        _, started = _stat(pid)
        return cls(pid, started, _boot_id())

    @classmethod
    def parse(cls, text: str) -> Owner:
        """Read what `str()` wrote. Raises ValueError."""
        pid, started, boot = text.split(":")
        return cls(int(pid), int(started), boot)

    def __str__(self) -> str:
        return f"{self.pid}:{self.started}:{self.boot}"

    def is_alive(self) -> bool:
        """A zombie is dead: its parent may never look."""
        if self.boot != _boot_id():
            return False
        try:
            state, started = _stat(self.pid)
        except ProcessLookupError:
            return False
        return started == self.started and state not in _DEAD_STATES


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> tuple[str, int]:
    """State and start time, fields 3 and 22 of /proc/PID/stat; the name before may hold anything."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError as error:
        raise ProcessLookupError(f"no process {pid}") from error
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])
