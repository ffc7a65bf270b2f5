"""Frames as grids of square tiles: which tiles of two frames differ, and their pixels in a row.

Shared by both ends. Tiles are counted in rows from the top left; those at the right and the bottom
edge may be smaller.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

TILE = 64

Pixels = NDArray[np.uint32]
"""Of shape (height, width), each pixel 0x00RRGGBB."""


def tile_count(width: int, height: int) -> int:
    return -(-width // TILE) * -(-height // TILE)


def tile_of(pixels: Pixels, index: int) -> Pixels:
    """A view of one tile. Raises IndexError where there is none of this number."""
    height, width = pixels.shape
    if not 0 <= index < tile_count(width, height):
        raise IndexError(f"a frame of {width}x{height} pixels has no tile {index}")
    row, column = divmod(index, -(-width // TILE))
    return pixels[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]


def changed_tiles(now: Pixels, before: Pixels) -> list[int]:
    """The tiles that differ between two frames of one size, in order."""
    height, width = now.shape
    columns = np.arange(0, width, TILE)
    changed: list[int] = []
    for row, top in enumerate(range(0, height, TILE)):
        # A row of tiles at a time: two of them stay in the processor's cache.
        differs = now[top : top + TILE] != before[top : top + TILE]
        if differs.any():
            in_row = np.logical_or.reduceat(differs.any(axis=0), columns)
            changed += (np.flatnonzero(in_row) + row * len(columns)).tolist()
    return changed


def pack(pixels: Pixels, indices: Iterable[int]) -> Pixels:
    """The tiles' pixels, tile after tile and row after row."""
    tiles = [tile_of(pixels, index).ravel() for index in indices]
    return np.concatenate(tiles) if tiles else np.empty(0, np.uint32)


def pixels_in(indices: Iterable[int], width: int, height: int) -> int:
    """How many pixels some tiles hold. Raises IndexError for a tile that is not there."""
    shape = np.broadcast_to(np.uint32(0), (height, width))
    return sum(tile_of(shape, index).size for index in indices)


def unpack(pixels: Pixels, indices: Iterable[int], packed: Pixels) -> None:
    """Put packed tiles, which must be as many pixels as those hold, into a frame."""
    start = 0
    for index in indices:
        tile = tile_of(pixels, index)
        tile[:] = packed[start : start + tile.size].reshape(tile.shape)
        start += tile.size
