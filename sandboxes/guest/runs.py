"""Pixels as runs of one colour: what a user interface shows is mostly that, and they cost next to nothing
to find. Shared by both ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PIXEL = np.dtype("<u4")
_RUN_BYTES = 2 * PIXEL.itemsize


def to_runs(pixels: NDArray[np.uint32]) -> bytes | None:
    """The colours of all runs, then their lengths; None where that takes more than the pixels themselves."""
    if not pixels.size:
        return None
    starts = np.flatnonzero(np.concatenate(([True], pixels[1:] != pixels[:-1])))
    if len(starts) * _RUN_BYTES >= pixels.nbytes:
        return None
    lengths = np.diff(starts, append=pixels.size)
    return pixels[starts].astype(PIXEL, copy=False).tobytes() + lengths.astype(PIXEL).tobytes()


def from_runs(data: bytes | memoryview, count: int) -> NDArray[np.uint32]:
    """Raises ValueError where the runs are not `count` pixels long together."""
    if len(data) % _RUN_BYTES:
        raise ValueError("half a run")
    colors, lengths = np.frombuffer(data, PIXEL).reshape(2, -1)
    if int(lengths.sum(dtype=np.uint64)) != count:  # Checked before anything is made of them.
        raise ValueError(f"runs that are not {count} pixels long")
    return np.repeat(colors, lengths)
