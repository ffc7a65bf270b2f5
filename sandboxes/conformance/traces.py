"""What desktops leave on this machine while they live, and must not leave after."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sandboxes.backend import Backend

_CGROUPS = Path("/sys/fs/cgroup")


async def traces(backend: Backend, home: Path, marks: Sequence[str]) -> list[str]:
    """One line for each thing that is left of these desktops, or of whatever else these marks name."""
    found = [f"file {path}" for path in home.glob("run/*/*") if path.name in marks]
    found += [f"group {path}" for path in _groups() if any(mark in path for mark in marks)]
    found += [f"process {pid}: {text}" for pid, text in processes() if any(mark in text for mark in marks)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if any(mark in line for mark in marks)]
    return found + [f"desktop {record.id}" for record in await backend.desktops() if record.id in marks]


def processes() -> Iterator[tuple[int, str]]:
    """Id, and command line and control groups, of every process but this one and zombies."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = (folder / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if command and folder.name != str(os.getpid()):
            yield int(folder.name), f"{command} {groups}"


def _groups() -> Iterator[str]:
    for folder, names, _ in os.walk(_CGROUPS):
        yield from (f"{folder}/{name}" for name in names)
