"""The memory of a running machine: the pages that it has written over the file its memory began with.

They are its own, and in no file; the kernel tells which they are (`pagemap`), and lets whoever may trace the
process read and write them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sandboxes.errors import DesktopLost
from sandboxes.vm.memory import PAGE, PIECE, runs

_PRESENT, _SWAPPED, _OF_FILE = 63, 62, 61


@dataclass(frozen=True, slots=True)
class _Mapping:
    start: int
    end: int
    offset: int


def add_to_file(pid: int, base: Path, target: Path) -> None:
    """Write what a paused machine has changed over a copy of what it began with.

    Raises DesktopLost where it has ended, PermissionError where the kernel does not let us look.
    """
    with target.open("r+b", buffering=0) as copy:
        for place, data in _written(pid, base):
            _write(copy.fileno(), data, place)


def add_to_machine(pid: int, base: Path, copy_pid: int, copy_base: Path) -> None:
    """Write what a paused machine has changed to the memory of another, which began with the same and has
    not run yet. Raises as `add_to_file`."""
    with _of(copy_pid, "mem", os.O_RDWR) as copy:
        first = _mappings(copy_pid, copy_base)[0]
        for place, data in _written(pid, base):
            _write(copy, data, first.start - first.offset + place)


def share(pid: int) -> int | None:
    """The memory that a process uses, in bytes, with its part of what it shares; None where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), None)


def _written(pid: int, base: Path) -> Iterator[tuple[int, bytes]]:
    """Where in the memory, and what."""
    with _of(pid, "mem", os.O_RDONLY) as memory, _of(pid, "pagemap", os.O_RDONLY) as pagemap:
        for mapping in _mappings(pid, base):
            for start, end in _own(pagemap, mapping):
                for piece in range(start, end, PIECE):
                    data = os.pread(memory, min(PIECE, end - piece), piece)
                    yield piece - mapping.start + mapping.offset, data


def _write(target: int, data: bytes, place: int) -> None:
    written = os.pwrite(target, data, place)
    if written != len(data):
        raise DesktopLost(f"only {written} of {len(data)} bytes of the machine's memory could be copied")


@contextmanager
def _of(pid: int, what: str, flags: int) -> Iterator[int]:
    """A file that the kernel keeps of a process. Raises DesktopLost where there is none."""
    try:
        file = os.open(f"/proc/{pid}/{what}", flags | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise DesktopLost(f"the machine's process has ended: {error}") from error
    try:
        yield file
    finally:
        os.close(file)


def _mappings(pid: int, file: Path) -> list[_Mapping]:
    """Where a process has mapped a file. Raises DesktopLost where it has not."""
    path = str(file.resolve())
    found = []
    with _of(pid, "maps", os.O_RDONLY) as maps, open(maps, closefd=False) as lines:
        for line in lines:
            addresses, _, offset, _, _, *name = line.rstrip("\n").split(maxsplit=5)
            if name == [path]:
                start, _, end = addresses.partition("-")
                found.append(_Mapping(int(start, 16), int(end, 16), int(offset, 16)))
    if not found:
        raise DesktopLost(f"process {pid} does not use {file}")
    return found


def _own(pagemap: int, mapping: _Mapping) -> Iterator[tuple[int, int]]:
    """The address ranges whose pages are the process's own."""
    count = (mapping.end - mapping.start) // PAGE
    entries = np.frombuffer(os.pread(pagemap, count * 8, mapping.start // PAGE * 8), np.uint64)
    there = (entries >> np.uint64(_PRESENT)) | (entries >> np.uint64(_SWAPPED))
    own = np.flatnonzero(there & ~(entries >> np.uint64(_OF_FILE)) & np.uint64(1))
    for first, last in runs(own):
        start = mapping.start + int(own[first]) * PAGE
        yield start, start + (last - first) * PAGE
