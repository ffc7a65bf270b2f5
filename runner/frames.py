"""Frames in the store: a list of tiles by their hashes, and the tiles.

A frame's name is the SHA-256 of its list: its size, then each tile's hash, a line each. So one picture has
one name, whoever saw it and however it is kept; and reading it checks every pixel. Tiles are kept once,
those new in a frame compressed together; lists as their differences from the one before.
"""

from __future__ import annotations

import re

import numpy as np

from runner.artifacts import ArtifactStore, Batch, Part, Series, Sha256
from sandboxes.errors import InfraError
from sandboxes.frame import TILE, Frame, Pixels, tile_count

MAX_SIDE = 16384
_IS_DIGEST = re.compile("[0-9a-f]{64}").fullmatch


class FrameSeries:
    """The frames of one attempt. Holds the last one, from which the next one's changed tiles are found."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._tiles: list[Sha256] = []
        self._lists = Series()

    def put(self, batch: Batch, frame: Frame) -> Sha256:
        """Put the next frame; how long that takes depends on how much of the screen has changed."""
        changed = frame.changed_from(self._frame)
        if self._frame is None or self._frame.pixels.shape != frame.pixels.shape:
            self._frame, self._tiles = None, [""] * len(changed)
        digests = batch.put_together([self._part(frame, index) for index in changed])
        for index, digest in zip(changed, digests, strict=True):
            self._tiles[index] = digest
        self._frame = frame
        return self._lists.put(batch, _list_bytes(frame.width, frame.height, self._tiles))

    def _part(self, frame: Frame, index: int) -> Part:
        data = _tile_bytes(frame.tile(index))
        if self._frame is None:
            return Part(data)
        return Part(data, self._tiles[index], _tile_bytes(self._frame.tile(index)))


def read_frame(store: ArtifactStore, ref: Sha256) -> Frame:
    """The frame of that name, bit for bit. Raises InfraError for one that is missing or damaged."""
    width, height, tiles = read_tiles(store, ref)
    pixels = np.empty((height, width), np.uint32)
    columns = -(-width // TILE)
    contents = {digest: _colors(store.get(digest), ref) for digest in dict.fromkeys(tiles)}
    for index, digest in enumerate(tiles):
        top, left = index // columns * TILE, index % columns * TILE
        area, content = pixels[top : top + TILE, left : left + TILE], contents[digest]
        if content.size != area.size:
            raise InfraError(f"object {ref} is no frame: tile {index} has {content.size} pixels")
        area[:] = content.reshape(area.shape)
    return Frame(pixels)


def read_tiles(store: ArtifactStore, ref: Sha256) -> tuple[int, int, list[Sha256]]:
    """A frame's width, its height and its tiles by hash. Raises InfraError."""
    size, _, rest = store.get(ref).partition(b"\n")
    tiles = rest.decode("ascii", "replace").split()
    width, _, height = size.decode("ascii", "replace").partition("x")
    if not all(map(_IS_DIGEST, tiles)):
        raise InfraError(f"object {ref} is no frame")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) <= MAX_SIDE >= int(height) > 0):
        raise InfraError(f"object {ref} is no frame")
    if len(tiles) != tile_count(int(width), int(height)):
        raise InfraError(f"object {ref} is no frame: it has {len(tiles)} tiles")
    return int(width), int(height), tiles


def read_tile(store: ArtifactStore, ref: Sha256, width: int, height: int) -> Pixels:
    """A tile of that size, shaped (height, width), each pixel 0x00RRGGBB. Raises InfraError."""
    content = _colors(store.get(ref), ref)
    if content.size != width * height:
        raise InfraError(f"object {ref} is no tile of {width}x{height}: it has {content.size} pixels")
    return content.reshape(height, width)


def _list_bytes(width: int, height: int, tiles: list[Sha256]) -> bytes:
    return "\n".join([f"{width}x{height}", *tiles, ""]).encode()


def _tile_bytes(tile: Pixels) -> bytes:
    """Blue, green, red of each pixel: the fourth byte is always 0."""
    whole = np.ascontiguousarray(tile, "<u4").view(np.uint8)
    return whole.reshape(-1, 4)[:, :3].tobytes()


def _colors(tile: bytes, ref: Sha256) -> Pixels:
    """The pixels of a tile, one after another. Raises InfraError."""
    if len(tile) % 3:
        raise InfraError(f"object {ref} is no frame: a tile of it has {len(tile)} bytes")
    blue, green, red = np.frombuffer(tile, np.uint8).reshape(-1, 3).T.astype(np.uint32)
    return (blue | green << 8 | red << 16).astype(np.uint32)
