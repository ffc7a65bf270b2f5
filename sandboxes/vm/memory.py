"""A machine's memory as a file; and as two files without the pages that hold nothing, to be kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sandboxes.errors import SnapshotError

PAGE = 4096
PIECE = 1 << 22
"""How many bytes of a memory are copied at a time."""
_PAGES, _NUMBERS = "memory.pages", "memory.numbers"
_NUMBER = np.dtype("<u4")


def copy_file(source: Path, target: Path) -> None:
    """Copy a file with holes, sharing blocks where the file system can. Raises OSError."""
    with source.open("rb") as original, target.open("wb") as copy:
        size = os.fstat(original.fileno()).st_size
        copy.truncate(size)
        for start, end in _extents(original.fileno(), size):
            while start < end:
                start += os.copy_file_range(original.fileno(), copy.fileno(), end - start, start, start)


def pack(memory: Path, folder: Path) -> None:
    """Write the pages that are not all zeros, and their numbers, to two files of a folder. Raises OSError."""
    numbers: list[NDArray[np.intp]] = []
    with memory.open("rb") as source, (folder / _PAGES).open("wb") as pages:
        size = os.fstat(source.fileno()).st_size
        for start, end in _extents(source.fileno(), size):
            for at in range(start - start % PAGE, end, PIECE):
                piece = _pages_of(os.pread(source.fileno(), min(PIECE, end - at), at))
                used = np.flatnonzero(piece.any(axis=1))
                pages.write(piece[used].tobytes())
                numbers.append(used + at // PAGE)
    joined = np.concatenate(numbers) if numbers else np.empty(0)
    (folder / _NUMBERS).write_bytes(joined.astype(_NUMBER).tobytes())


def unpack(folder: Path, memory: Path, size: int) -> None:
    """Make a memory file of so many bytes from what `pack` wrote. Raises SnapshotError where it did not."""
    raw = (folder / _NUMBERS).read_bytes()
    if len(raw) % _NUMBER.itemsize:
        raise SnapshotError(f"{_NUMBERS}: not a list of pages")
    numbers = np.frombuffer(raw, _NUMBER).astype(np.int64)
    if len(numbers) and (numbers.max() >= size // PAGE or (np.diff(numbers) <= 0).any()):
        raise SnapshotError(f"{_NUMBERS}: not pages of a memory of {size} bytes, in order")
    with (folder / _PAGES).open("rb") as pages, memory.open("wb") as target:
        if os.fstat(pages.fileno()).st_size != len(numbers) * PAGE:
            raise SnapshotError(f"{_PAGES}: not {len(numbers)} pages")
        target.truncate(size)
        for first, last in runs(numbers):
            start = int(numbers[first]) * PAGE
            _copy_range(pages.fileno(), first * PAGE, target.fileno(), start, (last - first) * PAGE)


def runs(numbers: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Where numbers follow one another: the indices of a run's first and of what comes after its last."""
    if len(numbers):
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        edges = [0, *breaks.tolist(), len(numbers)]
        yield from pairwise(edges)


def _pages_of(data: bytes) -> NDArray[np.uint64]:
    whole = data.ljust(-(-len(data) // PAGE) * PAGE, b"\0")
    return np.frombuffer(whole, np.uint64).reshape(-1, PAGE // 8)


def _extents(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file has data."""
    end = 0
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # no data from here on
            return
        end = os.lseek(file, start, os.SEEK_HOLE)
        yield start, end


def _copy_range(source: int, start: int, target: int, place: int, size: int) -> None:
    for done in range(0, size, PIECE):
        data = os.pread(source, min(PIECE, size - done), start + done)
        os.pwrite(target, data, place + done)
