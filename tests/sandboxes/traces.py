"""What desktops leave on the machine while they live, and must not leave after."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from sandboxes.home import home_id

_CGROUPS = Path("/sys/fs/cgroup")
_PACE_S = 0.1


def traces(home: Path, ids: list[str], backend: str) -> list[str]:
    """One line for each thing that is left of these desktops and of their controller's reaper."""
    marks = [str(home), *ids]
    found = [f"file {path}" for path in home.glob("run/*/d-*")]
    found += [f"group {path}" for path in _groups() if any(mark in path for mark in ids)]
    found += [f"process {pid}: {text}" for pid, text in processes() if any(mark in text for mark in marks)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if any(mark in line for mark in marks)]
    return found + (_containers(home) if backend == "docker" else [])


def wait_until_clean(home: Path, ids: list[str], backend: str, seconds: float) -> float:
    """Seconds until no trace was left. Fails with what still is."""
    began = time.monotonic()
    while left := traces(home, ids, backend):
        assert time.monotonic() - began < seconds, left
        time.sleep(_PACE_S)
    return time.monotonic() - began


def _groups() -> Iterator[str]:
    for folder, names, _ in os.walk(_CGROUPS):
        yield from (f"{folder}/{name}" for name in names)


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


def _containers(home: Path) -> list[str]:
    command = [
        "docker",
        "ps",
        "--all",
        "--filter",
        f"label=deskswarm.home={home_id(home)}",
        "--format",
        "{{.Names}}",
    ]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [f"container {name}" for name in names]
