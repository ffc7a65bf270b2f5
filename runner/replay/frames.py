"""Frames for a page: tiles on sheets, each tile once, however many frames of however many runs show it.

What a sheet holds came up close together, mostly at the same places of the screen, so one tile is much like
another; below each other, as one picture, they take little room and decode in one go.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from runner.artifacts import ArtifactStore, Sha256
from runner.frames import read_tile, read_tiles
from runner.replay.changes import changes
from runner.replay.data import Change, Frame
from sandboxes.frame import TILE, Pixels

MAX_TILES = 240
"""On one sheet: WebP knows no picture higher than 16383 pixels."""

_EFFORT = 80
"""Above 75, WebP looks for what repeats in the whole sheet, not only in the tile above: half the bytes."""


class Film:
    """The frames of a page. It only grows: what has a number keeps it."""

    def __init__(self, store: ArtifactStore) -> None:
        self.frames: list[Frame] = []
        self.sheets: list[bytes] = []
        self.sizes: list[int] = []
        self._store = store
        self._numbers: dict[Sha256, int] = {}
        self._tiles: dict[tuple[Sha256, int], int] = {}
        self._last: list[int] = []
        self._open: list[Pixels] = []

    def add(self, ref: Sha256) -> int:
        """The frame's number. Raises InfraError where it is missing or damaged."""
        if ref not in self._numbers:
            width, height, digests = read_tiles(self._store, ref)
            shapes = _shapes(width, height)
            tiles = [self._tile(digest, *shape) for digest, shape in zip(digests, shapes, strict=True)]
            self.frames.append(Frame(width=width, height=height, change=self._change(tiles)))
            self._numbers[ref], self._last = len(self.frames) - 1, tiles
        return self._numbers[ref]

    def seal(self) -> None:
        """End the sheet that is being filled."""
        if self._open:
            self.sheets.append(_sheet(self._open))
            self.sizes.append(len(self._open))
            self._open = []

    def _change(self, tiles: list[int]) -> Change:
        if len(tiles) != len(self._last):
            return ((0, len(self._last), tuple(tiles)),)
        return changes(self._last, tiles)

    def _tile(self, digest: Sha256, width: int, height: int) -> int:
        """Its number. Tiles at the edges may have the bytes of one of another shape."""
        key = (digest, width)
        if key not in self._tiles:
            self._open.append(read_tile(self._store, digest, width, height))
            self._tiles[key] = len(self._tiles)
            if len(self._open) == MAX_TILES:
                self.seal()
        return self._tiles[key]


def _shapes(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Of a frame's tiles, in order: those at the right and the bottom edge may be smaller."""
    for y in range(0, height, TILE):
        for x in range(0, width, TILE):
            yield min(TILE, width - x), min(TILE, height - y)


def _sheet(tiles: list[Pixels]) -> bytes:
    pixels = np.zeros((TILE * len(tiles), TILE), np.uint32)
    for place, tile in enumerate(tiles):
        height, width = tile.shape
        pixels[place * TILE : place * TILE + height, :width] = tile
    image = Image.frombytes("RGB", (TILE, len(pixels)), pixels.tobytes(), "raw", "BGRX")
    data = BytesIO()
    image.save(data, "WEBP", lossless=True, quality=_EFFORT, method=2)
    return data.getvalue()
