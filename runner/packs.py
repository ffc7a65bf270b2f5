"""Packs: append-only files of checksummed records, in which the store keeps everything.

A pack has one writer, which holds its lock for as long as it may append; the kernel frees the lock
however the writer dies. What a crash leaves is a record that is too short at a pack's end; it was never
named by an event, and is passed over. Packs are never
changed, only replaced as a whole by garbage collection.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

SIGNATURE = b"deskswarm pack 1\n"
MAX_PACK_BYTES = 64 << 20
_SUFFIX, _DRAFT = ".pack", ".draft"
_DRAFT_S = 60.0  # having a draft takes milliseconds
_MAGIC = b"\xd5rec"
_HEADER = struct.Struct(">4sBI32sI")
_CRC = struct.Struct(">I")
HEADER_BYTES = _HEADER.size + _CRC.size


class RecordKind(IntEnum):
    """What a record's payload is: an object, an object as a difference, or several objects together."""

    OBJECT = 1
    DELTA = 2
    GROUP = 3


_KINDS = frozenset(kind.value for kind in RecordKind)


@dataclass(frozen=True, slots=True)
class PackRecord:
    """A record at its place; `digest` is that of its object, or zeros for a group."""

    offset: int
    kind: RecordKind
    digest: bytes
    payload: bytes

    @property
    def end(self) -> int:
        return self.offset + HEADER_BYTES + len(self.payload)


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a pack that are no record. `torn` says that a crash in the middle of an append explains
    them. `digest` is that of the object which was there, where its header can still be read."""

    offset: int
    end: int
    torn: bool
    digest: bytes | None


class DamagedRecord(ValueError):
    """What is at that place of the pack is no whole record."""


def encode_record(kind: RecordKind, digest: bytes, payload: bytes) -> bytes:
    header = _HEADER.pack(_MAGIC, kind, len(payload), digest, zlib.crc32(payload))
    return header + _CRC.pack(zlib.crc32(header)) + payload


def list_packs(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_SUFFIX}"))


def read_record(path: Path, offset: int) -> PackRecord:
    """Raises DamagedRecord, and FileNotFoundError where the pack is gone."""
    with path.open("rb") as file:
        file.seek(offset)
        header = file.read(HEADER_BYTES)
        length = _payload_length(header)
        found = None if length is None else _parse(header + file.read(length), 0, offset)
    if not isinstance(found, PackRecord):
        raise DamagedRecord(f"{path.name} is damaged at byte {offset}")
    return found


def scan(path: Path, start: int = 0) -> Iterator[PackRecord | Gap]:
    """Everything in a pack from `start`, where a record begins. Goes on behind what is damaged.

    Raises FileNotFoundError where the pack is gone.
    """
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    at = 0
    if start == 0:
        at = len(SIGNATURE)
        if data[:at] != SIGNATURE:
            yield Gap(0, min(at, len(data)), torn=False, digest=None)
    while at < len(data):
        found = _parse(data, at, start)
        at = found.end - start
        yield found


def _parse(data: bytes, at: int, start: int) -> PackRecord | Gap:
    """What is at `data[at]`; `start` is where in its pack `data` begins."""
    length = _payload_length(data[at : at + HEADER_BYTES])
    if length is None:
        torn = len(data) - at < HEADER_BYTES and data[at:].startswith(_MAGIC[: len(data) - at])
        torn = torn or not any(data[at:])  # a power cut: the file has grown, its bytes were not written
        return Gap(start + at, start + _next_record(data, at + 1), torn, None)
    _, kind, _, digest, crc = _HEADER.unpack_from(data, at)
    payload = data[at + HEADER_BYTES : at + HEADER_BYTES + length]
    if len(payload) < length:
        return Gap(start + at, start + len(data), torn=True, digest=digest)
    if zlib.crc32(payload) != crc or kind not in _KINDS:
        return Gap(start + at, start + at + HEADER_BYTES + length, torn=False, digest=digest)
    return PackRecord(start + at, RecordKind(kind), digest, payload)


def _payload_length(header: bytes) -> int | None:
    """None where it is no header."""
    if len(header) < HEADER_BYTES or not header.startswith(_MAGIC):
        return None
    if zlib.crc32(header[: _HEADER.size]) != _CRC.unpack_from(header, _HEADER.size)[0]:
        return None
    return int(_HEADER.unpack_from(header)[2])


def _next_record(data: bytes, at: int) -> int:
    """Where the next readable header begins; the end of the data where there is none."""
    while (at := data.find(_MAGIC, at)) >= 0:
        if _payload_length(data[at : at + HEADER_BYTES]) is not None:
            return at
        at += 1
    return len(data)


def try_lock(descriptor: int) -> bool:
    """Lock a pack for as long as its descriptor is open; False where its writer has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class PackWriter:
    """Appends to a pack of its own. Not safe for use from several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Make the pack. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():016x}-{secrets.token_hex(4)}"
        self.path = folder / f"{name}{_SUFFIX}"
        # Locked before it has its name, or garbage collection might take it for one without a writer.
        draft = folder / f"{name}{_DRAFT}"
        self._descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            _write(self._descriptor, SIGNATURE)
            self.size = len(SIGNATURE)
            draft.rename(self.path)
            sync_folder(folder)
        except BaseException:
            os.close(self._descriptor)
            draft.unlink(missing_ok=True)
            raise

    def append(self, records: list[bytes]) -> list[int]:
        """Where each record now is; on return they are on disk. Raises OSError, and is then of no more use:
        what of them is on disk is unknown."""
        offsets, at = [], self.size
        for record in records:
            offsets.append(at)
            at += len(record)
        _write(self._descriptor, b"".join(records))
        os.fsync(self._descriptor)
        self.size = at
        return offsets

    def close(self) -> None:
        os.close(self._descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Force to disk which files a folder has."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_drafts(folder: Path) -> None:
    """Remove the packs of writers that died before these had their names."""
    for draft in folder.glob(f"*{_DRAFT}"):
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime < time.time() - _DRAFT_S:
                draft.unlink()
