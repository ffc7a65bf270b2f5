"""Comparing two frames: which pixels differ, and in which rectangles those are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sandboxes.frame import Frame
from sandboxes.guest.protocol import Rect

Mask = NDArray[np.bool_]

_BLOCK = 16
# How much a colour may be off where fonts or gradients are drawn a little differently.
_TOLERANCE = 24


def differing(one: Frame, other: Frame) -> Mask:
    """True where the two differ, of the shape (height, width) of the first; all, where their sizes differ."""
    if one.pixels.shape != other.pixels.shape:
        return np.ones(one.pixels.shape, np.bool_)
    return np.not_equal(one.pixels, other.pixels)


def visibly(mask: Mask, one: Frame, other: Frame) -> Mask:
    """Of the pixels that differ, those whose colours a person can tell apart."""
    if one.pixels.shape != other.pixels.shape:
        return mask
    far = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    here, there = one.pixels[rows, columns], other.pixels[rows, columns]
    for shift in (0, 8, 16):
        a, b = (here >> shift & 0xFF).astype(np.int16), (there >> shift & 0xFF).astype(np.int16)
        far[rows, columns] |= np.abs(a - b) > _TOLERANCE
    return far


def without(mask: Mask, regions: Sequence[Rect]) -> Mask:
    """The mask, cleared in these regions."""
    left = mask.copy()
    for region in regions:
        left[region.y : region.y + region.height, region.x : region.x + region.width] = False
    return left


def rectangles(mask: Mask) -> list[Rect]:
    """Around what is set: one for each group of neighbouring blocks of 16 pixels, largest first."""
    height, width = mask.shape
    padded = np.zeros((-(-height // _BLOCK) * _BLOCK, -(-width // _BLOCK) * _BLOCK), np.bool_)
    padded[:height, :width] = mask
    blocks = padded.reshape(padded.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK).any(axis=(1, 3))
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(blocks), strict=True)}
    found = []
    while left:
        group = list(_group(left.pop(), left))
        top, bottom = min(row for row, _ in group), max(row for row, _ in group) + 1
        start, end = min(column for _, column in group), max(column for _, column in group) + 1
        found.append(_around(mask, top * _BLOCK, bottom * _BLOCK, start * _BLOCK, end * _BLOCK))
    return sorted(found, key=lambda rect: (-rect.width * rect.height, rect.y, rect.x))


def _group(seed: tuple[int, int], left: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """A block and all that hang together with it, which are taken out of `left`."""
    edge = [seed]
    while edge:
        row, column = edge.pop()
        yield row, column
        for near in [(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]:
            if near in left:
                left.remove(near)
                edge.append(near)


def _around(mask: Mask, top: int, bottom: int, start: int, end: int) -> Rect:
    rows, columns = np.nonzero(mask[top:bottom, start:end])
    y, x = top + int(rows.min()), start + int(columns.min())
    return Rect(x=x, y=y, width=start + int(columns.max()) + 1 - x, height=top + int(rows.max()) + 1 - y)
