"""A list of numbers as what has changed since the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby

from runner.replay.data import Change

_MOST_MATCHED = 2000


def changes(before: Sequence[int], after: Sequence[int]) -> Change:
    """What makes `after` of `before`, splice by splice."""
    return tuple(_runs(before, after) if len(before) == len(after) else _splices(before, after))


def _runs(before: Sequence[int], after: Sequence[int]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Place by place, as most trees and all frames of one size differ."""
    differing = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    for _, run in groupby(enumerate(differing), lambda item: item[1] - item[0]):
        places = [at for _, at in run]
        yield places[0], len(places), tuple(after[places[0] : places[-1] + 1])


def _splices(before: Sequence[int], after: Sequence[int]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if max(len(old), len(new)) > _MOST_MATCHED:  # matching takes time that grows with the square
        yield start, len(old), tuple(new)
        return
    for tag, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new, False).get_opcodes():
        if tag != "equal":
            yield start + old_start, old_end - old_start, tuple(new[new_start:new_end])


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many they begin with that are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
