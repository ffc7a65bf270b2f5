"""How bytes are made small in the store: compressed, or as their difference from earlier bytes.

Everything here is a pure function of its arguments, and everything comes back bit for bit.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

_STORED, _ZLIB, _LZMA = b"\0", b"\1", b"\2"
_LZMA_MAX = 256 << 10  # above it, zlib: it is ten times as fast, and a whole new screen must not take seconds
_LZMA_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 4, "dict_size": _LZMA_MAX}]
_WINDOW = 32 << 10  # as far back as zlib looks

Copy = tuple[int, int, int]
"""So many new bytes, then this part of the old ones: its offset and its length."""


def compress(data: bytes) -> bytes:
    """The smaller of `data` compressed and `data` as it is, with a byte before it that tells which."""
    if len(data) <= _LZMA_MAX:
        packed = _LZMA + lzma.compress(data, lzma.FORMAT_RAW, filters=_LZMA_FILTERS)
    else:
        packed = _ZLIB + zlib.compress(data, 6) if _is_compressible(data) else _STORED + data
    return packed if len(packed) <= len(data) else _STORED + data


def _is_compressible(data: bytes) -> bool:
    """Judged by samples: most of what is large is a file that is compressed already."""
    step = len(data) // 8
    sample = b"".join(data[at : at + 4096] for at in range(0, len(data), step))
    return len(zlib.compress(sample, 1)) < 0.95 * len(sample)


def decompress(packed: bytes) -> bytes:
    """Raises ValueError for what `compress` did not make."""
    method, body = packed[:1], packed[1:]
    try:
        if method == _LZMA:
            return lzma.decompress(body, lzma.FORMAT_RAW, filters=_LZMA_FILTERS)
        if method == _ZLIB:
            return zlib.decompress(body)
    except (lzma.LZMAError, zlib.error) as error:
        raise ValueError(f"cannot be decompressed: {error}") from error
    if method != _STORED:
        raise ValueError(f"compressed in an unknown way: {method!r}")
    return body


def exclusive_or(one: bytes, other: bytes) -> bytes:
    """What to change in the one to have the other, byte by byte. Raises ValueError for unlike lengths."""
    return np.bitwise_xor(np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8)).tobytes()


def encode_delta(old: bytes, new: bytes) -> bytes:
    """What to know besides `old` to have `new`: which of its lines stay, and the others compressed.

    New lines are compressed as what they most likely replace was their text, so that a line in which one
    word changes costs little more than that word.
    """
    copies, fresh = _compare(old.splitlines(keepends=True), new.splitlines(keepends=True))
    plan = b"".join(_number(value) for copy in copies for value in copy)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_replaced(old, copies))
    return _number(len(plan)) + plan + packer.compress(fresh) + packer.flush()


def decode_delta(old: bytes, delta: bytes) -> bytes:
    """Raises ValueError where `delta` was not made by `encode_delta` from this `old`."""
    try:
        length, start = _read_number(delta, 0)
        copies = list(_read_copies(delta[start : start + length]))
        unpacker = zlib.decompressobj(-15, zdict=_replaced(old, copies))
        fresh = unpacker.decompress(delta[start + length :]) + unpacker.flush()
    except (IndexError, zlib.error) as error:
        raise ValueError(f"a damaged difference: {error}") from error
    parts, at = [], 0
    for added, offset, size in copies:
        parts += [fresh[at : at + added], old[offset : offset + size]]
        at += added
    return b"".join([*parts, fresh[at:]])


def _compare(old: list[bytes], new: list[bytes]) -> tuple[list[Copy], bytes]:
    """The lines of `new` that are in `old`, as runs, and the others one after another.

    A line is looked for where the lines before it would have it, and only then anywhere: lines that occur
    many times would otherwise break up the runs.
    """
    anywhere = {line: index for index, line in reversed(list(enumerate(old)))}
    runs: list[tuple[int, int, int]] = []  # new bytes before it, and the lines of `old` it goes from and to
    fresh, added, expected = [], 0, 0
    for line in new:
        index = expected if expected < len(old) and old[expected] == line else anywhere.get(line)
        expected = (expected if index is None else index) + 1
        if index is None:
            fresh.append(line)
            added += len(line)
        elif runs and not added and runs[-1][2] == index:
            runs[-1] = (*runs[-1][:2], index + 1)
        else:
            runs.append((added, index, index + 1))
            added = 0
    return list(_in_bytes(runs, old)), b"".join(fresh)


def _in_bytes(runs: Iterable[tuple[int, int, int]], old: list[bytes]) -> Iterator[Copy]:
    offsets = [0]
    for line in old:
        offsets.append(offsets[-1] + len(line))
    for added, first, end in runs:
        yield added, offsets[first], offsets[end] - offsets[first]


def _replaced(old: bytes, copies: Iterable[Copy]) -> bytes:
    """The parts of `old` that no copy takes, the last of them if they are many."""
    parts, at = [], 0
    for _, offset, size in sorted(copies, key=lambda copy: copy[1]):
        parts.append(old[at:offset])
        at = max(at, offset + size)
    return b"".join([*parts, old[at:]])[-_WINDOW:]


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """The number and where it ends. Raises IndexError where the data ends before it does."""
    value, shift = 0, 0
    while data[at] > 127:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
    return value | data[at] << shift, at + 1


def _read_copies(plan: bytes) -> Iterator[Copy]:
    at = 0
    while at < len(plan):
        added, at = _read_number(plan, at)
        offset, at = _read_number(plan, at)
        size, at = _read_number(plan, at)
        yield added, offset, size
