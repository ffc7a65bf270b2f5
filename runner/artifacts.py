"""Content-addressed bytes: outputs of tasks, frames, trees, checkpoints.

An object is named by the SHA-256 of what it holds, so it never changes and is kept once, however it is
encoded. The names people use (`TASK.OUTPUT`) are pointers to hashes, one a version, and live in the journal.

    HOME/artifacts/packs/*.pack    all objects (runner.packs)
    HOME/artifacts/catalog.db      where each is (runner.catalog); derived
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from runner.catalog import DIGEST_BYTES, Catalog, GroupHead, Place, bases_of, places_in
from runner.encoding import compress, decode_delta, decompress, encode_delta, exclusive_or
from runner.packs import (
    MAX_PACK_BYTES,
    PackRecord,
    PackWriter,
    RecordKind,
    encode_record,
    read_record,
)
from sandboxes.errors import InfraError

ARTIFACTS = "artifacts"
"""The store's folder under deskswarm's home."""

MAX_DEPTH = 16
"""So many differences are applied at most to have an object."""

_CACHE_BYTES = 16 << 20
_MAX_GROUP_BYTES = 1 << 20
_NO_DIGEST = bytes(DIGEST_BYTES)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Record = tuple[RecordKind, bytes, bytes]  # with the digest of its object, and its payload


def sha256(data: bytes) -> Sha256:
    return hashlib.sha256(data).hexdigest()


class ArtifactStore:
    """The objects under one folder. Any number of processes may read and write it at once.

    Calls block; asynchronous code makes them in a worker thread. Safe to use from several of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packs = folder / "packs"
        self._writer: PackWriter | None = None
        self._lock = threading.Lock()
        self._cache = _Cache(_CACHE_BYTES)

    @cached_property
    def catalog(self) -> Catalog:
        """Opened when first asked for: to have a store costs nothing."""
        return Catalog(self.folder, self.packs)

    def close(self) -> None:
        """Let go of the files. The store may be used again, and opens them anew."""
        with self._lock:
            self._end_pack()
            catalog = self.__dict__.pop("catalog", None)
        if catalog is not None:
            catalog.close()

    def put(self, data: bytes) -> Sha256:
        """Keep `data`; on return it is on disk, whole, under its hash. Raises InfraError."""
        with self.batch() as batch:
            return batch.put(data)

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Put several objects; they are on disk when the block ends, or, where it raises, not kept."""
        batch = Batch(self.catalog)
        yield batch
        if batch.records:
            self._append(batch.records)

    def get(self, digest: Sha256) -> bytes:
        """The bytes of that hash, verified. Raises InfraError for missing or damaged ones."""
        data = self._read(bytes.fromhex(digest))
        if sha256(data) != digest:
            raise InfraError(f"object {digest} in {self.folder} is damaged: its content has another hash")
        return data

    def has(self, digest: Sha256) -> bool:
        return self._find(bytes.fromhex(digest)) is not None

    def _find(self, digest: bytes) -> Place | None:
        place = self.catalog.find(digest)
        if place is None:
            self.catalog.catch_up()
            place = self.catalog.find(digest)
        return place

    def _read(self, digest: bytes) -> bytes:
        place = self._find(digest)
        while place is not None:
            try:
                content = self._content(place)
            except FileNotFoundError:  # garbage collection has moved it in this very moment
                self.catalog.catch_up()
                place = self._find(digest)
            except ValueError as error:
                raise InfraError(f"object {digest.hex()} in {self.folder} is damaged: {error}") from error
            else:
                return content if place.size < 0 else content[place.start : place.start + place.size]
        raise InfraError(f"object {digest.hex()} is missing from {self.folder}")

    def _content(self, place: Place) -> bytes:
        """What the record holds, unpacked. Raises ValueError, FileNotFoundError for a pack that is gone."""
        key = (place.pack, place.offset)
        content = self._cache.get(key)
        if content is None:
            content = self._unpack(read_record(self.packs / place.pack, place.offset))
            self._cache.add(key, content)
        return content

    def _unpack(self, record: PackRecord) -> bytes:
        if record.kind is RecordKind.OBJECT:
            return decompress(record.payload)
        bases = b"".join(map(self._read, bases_of(record)))
        if record.kind is RecordKind.DELTA:
            return decode_delta(bases, record.payload[1 + DIGEST_BYTES :])
        content = decompress(record.payload[GroupHead.decode(record.payload)[1] :])
        return exclusive_or(bases, content) if bases else content

    def _append(self, records: list[_Record]) -> None:
        """Into this process's own pack, to disk, and only then into the catalog."""
        with self._lock:
            records = self._still_new(records)
            encoded = [encode_record(*record) for record in records]
            try:
                writer = self._writer = self._writer or PackWriter(self.packs)
                offsets = writer.append(encoded)
            except OSError as error:
                self._end_pack()
                raise InfraError(f"nothing can be kept in {self.folder}: {error}") from error
            name, size = writer.path.name, writer.size
            placed = (PackRecord(at, *record) for at, record in zip(offsets, records, strict=True))
            self.catalog.add(name, size, [place for one in placed for place in places_in(name, one)])
            if size > MAX_PACK_BYTES:  # not before: without its lock, it may be collected
                self._end_pack()

    def _still_new(self, records: list[_Record]) -> list[_Record]:
        """Without what another thread has put meanwhile: desktops that start at once show the same."""
        named = [(record, _digests(record)) for record in records]
        known = self.catalog.claim({digest for _, digests in named for digest in digests})
        return [record for record, digests in named if not digests <= known.keys()]

    def _end_pack(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Part(NamedTuple):
    """An object of a group. Where it takes the place of a stored one of the same size: that one's name and
    content."""

    data: bytes
    base: Sha256 = ""
    before: bytes = b""


class Batch:
    """Objects that are put together. Their hashes are known at once."""

    def __init__(self, catalog: Catalog) -> None:
        self.records: list[_Record] = []
        self._catalog = catalog
        self._new: set[bytes] = set()

    def put(self, data: bytes) -> Sha256:
        digest = hashlib.sha256(data).digest()
        if not self.known(digest):
            self.put_whole(digest, data)
        return digest.hex()

    def put_together(self, parts: Sequence[Part]) -> list[Sha256]:
        """Put objects that are small, alike and read together; they are compressed together."""
        named = [(hashlib.sha256(part.data).digest(), part) for part in parts]
        bases = {bytes.fromhex(part.base) for part in parts if part.base}
        known = self._catalog.claim({digest for digest, _ in named} | bases)
        group: dict[bytes, Part] = {}
        for digest, part in named:
            if digest not in known and digest not in self._new:
                self._new.add(digest)
                group[digest] = part
        for members in _cut(group):
            self.records.append((RecordKind.GROUP, _NO_DIGEST, _encode_group(members, known)))
        return [digest.hex() for digest, _ in named]

    def put_whole(self, digest: bytes, data: bytes) -> int:
        """An object that is not stored yet; how many bytes it takes."""
        packed = compress(data)
        self._add(RecordKind.OBJECT, digest, packed)
        return len(packed)

    def put_delta(self, digest: bytes, base: bytes, depth: int, delta: bytes) -> None:
        """An object as its difference from another; `depth` counts how many that makes."""
        self._add(RecordKind.DELTA, digest, bytes([depth]) + base + delta)

    def known(self, digest: bytes) -> Place | None:
        """Where the object is stored already."""
        return self._catalog.claim([digest]).get(digest)

    def _add(self, kind: RecordKind, digest: bytes, payload: bytes) -> None:
        if digest not in self._new:
            self._new.add(digest)
            self.records.append((kind, digest, payload))


def _digests(record: _Record) -> set[bytes]:
    kind, digest, payload = record
    if kind is RecordKind.GROUP:
        return {member for member, _ in GroupHead.decode(payload)[0].members}
    return {digest}


def _cut(group: dict[bytes, Part]) -> Iterator[dict[bytes, Part]]:
    """Parts of a group that are quickly read, so that one object does not cost the reading of many."""
    members: dict[bytes, Part] = {}
    size = 0
    for digest, part in group.items():
        members[digest] = part
        size += len(part.data)
        if size >= _MAX_GROUP_BYTES:
            yield members
            members, size = {}, 0
    if members:
        yield members


def _encode_group(members: dict[bytes, Part], known: Mapping[bytes, Place]) -> bytes:
    """The payload of a group: the objects as they are, or as what has changed, whichever is smaller."""
    sizes = tuple((digest, len(part.data)) for digest, part in members.items())
    content = b"".join(part.data for part in members.values())
    plain = GroupHead(sizes).encode() + compress(content)
    bases = tuple(bytes.fromhex(part.base) for part in members.values())
    depth = 1 + max(known[base].depth if base in known else MAX_DEPTH for base in bases)
    before = b"".join(part.before for part in members.values())
    if depth > MAX_DEPTH or len(before) != len(content):
        return plain
    changes = GroupHead(sizes, bases, depth).encode() + compress(exclusive_or(before, content))
    return min(plain, changes, key=len)


class Series:
    """Contents that follow one another, as a session's trees do: each is kept as its difference from the
    one before, and a whole one at intervals, or where the difference is not worth it."""

    def __init__(self) -> None:
        self._last: tuple[bytes, bytes, int] | None = None  # digest, content, depth
        self._whole_bytes = 0

    def put(self, batch: Batch, data: bytes) -> Sha256:
        """Put the next one. A batch that was not kept must be a series' last."""
        digest = hashlib.sha256(data).digest()
        if self._last is None or self._last[0] != digest:
            self._last = digest, data, self._put(batch, digest, data)
        return digest.hex()

    def _put(self, batch: Batch, digest: bytes, data: bytes) -> int:
        place = batch.known(digest)
        if place is not None:
            return place.depth
        if self._last is not None and self._last[2] < MAX_DEPTH:
            base, content, depth = self._last
            delta = encode_delta(content, data)
            if len(delta) < self._whole_bytes // 2:
                batch.put_delta(digest, base, depth + 1, delta)
                return depth + 1
        self._whole_bytes = batch.put_whole(digest, data)
        return 0


class _Cache:
    """The last contents that were read, so that a run is read from its beginning without doing work twice."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._contents: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int]) -> bytes | None:
        with self._lock:
            if key in self._contents:
                self._contents.move_to_end(key)
            return self._contents.get(key)

    def add(self, key: tuple[str, int], content: bytes) -> None:
        with self._lock:
            if key not in self._contents and len(content) <= self._limit:
                self._contents[key] = content
                self._size += len(content)
            while self._size > self._limit:
                _, dropped = self._contents.popitem(last=False)
                self._size -= len(dropped)
