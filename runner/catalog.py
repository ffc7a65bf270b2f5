"""The catalog: where in the packs each object is. Derived from the packs, and made anew where it is lost.

It is a SQLite database beside the packs, so that any number of processes find what any of them stored.
Besides places it holds when each object was last put or asked for by a writer (`touched`), which is what
keeps garbage collection from taking what a writer has just found and is about to name.
"""

from __future__ import annotations

import sqlite3
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.packs import Gap, PackRecord, RecordKind, list_packs, scan
from sandboxes.errors import InfraError

FILE_NAME = "catalog.db"
REFRESH_S = 60.0
"""An object that is asked for again is marked as touched again, at most so often."""

_VERSION = 1
_BUSY_TIMEOUT_S = 30.0
_WAL_PAGES = 64  # few, or the log alone would be larger than many runs
_SCHEMA = (
    "CREATE TABLE packs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL) STRICT",
    """CREATE TABLE objects (
        digest BLOB PRIMARY KEY,
        pack INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        depth INTEGER NOT NULL,
        touched INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    f"PRAGMA user_version = {_VERSION}",
)
_COLUMNS = "digest, packs.name, offset, start, objects.size, depth, touched"
_JOIN = f"SELECT {_COLUMNS} FROM objects JOIN packs ON packs.id = pack"
_MEMBER = struct.Struct(">32sI")
_GROUP = struct.Struct(">BH")
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is: the record at `offset` of a pack, and in its content `size` bytes from `start`.

    `depth` differences have to be applied to have it; `touched` is seconds since the epoch.
    """

    digest: bytes
    pack: str
    offset: int
    start: int
    size: int
    depth: int
    touched: int


@dataclass(frozen=True, slots=True)
class GroupHead:
    """What a group's payload begins with: each object's digest and size, and, where they are kept as what to
    change in other objects of the same sizes, those objects' digests."""

    members: tuple[tuple[bytes, int], ...]
    bases: tuple[bytes, ...] = ()
    depth: int = 0

    def encode(self) -> bytes:
        members = b"".join(_MEMBER.pack(*member) for member in self.members)
        return _GROUP.pack(self.depth, len(self.members)) + members + b"".join(self.bases)

    @classmethod
    def decode(cls, payload: bytes) -> tuple[GroupHead, int]:
        """The head, and where it ends."""
        depth, count = _GROUP.unpack_from(payload)
        middle = _GROUP.size + count * _MEMBER.size
        end = middle + count * DIGEST_BYTES if depth else middle
        bases = (payload[at : at + DIGEST_BYTES] for at in range(middle, end, DIGEST_BYTES))
        return cls(tuple(_MEMBER.iter_unpack(payload[_GROUP.size : middle])), tuple(bases), depth), end


def bases_of(record: PackRecord) -> tuple[bytes, ...]:
    """The digests of the objects without which this record cannot be read."""
    if record.kind is RecordKind.GROUP:
        return GroupHead.decode(record.payload)[0].bases
    return (record.payload[1 : 1 + DIGEST_BYTES],) if record.kind is RecordKind.DELTA else ()


def places_in(pack: str, record: PackRecord) -> Iterator[Place]:
    """The objects of a record, as touched just now."""
    now = int(time.time())
    if record.kind is RecordKind.GROUP:
        start, head = 0, GroupHead.decode(record.payload)[0]
        for digest, size in head.members:
            yield Place(digest, pack, record.offset, start, size, head.depth, now)
            start += size
    else:
        depth = record.payload[0] if record.kind is RecordKind.DELTA else 0
        yield Place(record.digest, pack, record.offset, 0, -1, depth, now)


class Catalog:
    """The catalog of one folder of packs. Safe to use from several threads; its calls block."""

    def __init__(self, folder: Path, packs: Path) -> None:
        """Open it, making it from the packs where there is none or it cannot be read. Raises InfraError."""
        self._path = folder / FILE_NAME
        self._packs = packs
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise InfraError(f"{self._path} cannot be used: {error}") from error
            self._discard()
            self._db = self._open()
        self.catch_up()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def find(self, digest: bytes) -> Place | None:
        with self._lock, self._as_infra_error():
            row = self._db.execute(f"{_JOIN} WHERE digest = ?", (digest,)).fetchone()
        return Place(*row) if row else None

    def claim(self, digests: Iterable[bytes]) -> dict[bytes, Place]:
        """Those of the objects that are stored. They stay, for as long as garbage collection gives a writer
        to name them in the journal."""
        found = [place for place in map(self.find, digests) if place is not None]
        stale = [place.digest for place in found if place.touched <= time.time() - REFRESH_S]
        if stale:
            gone = self._touch(stale)
            found = [place for place in found if place.digest not in gone]
        return {place.digest: place for place in found}

    def _touch(self, digests: list[bytes]) -> set[bytes]:
        """Those of them that garbage collection took before we came."""
        gone, now = set(), int(time.time())
        with self.writing() as db:
            for digest in digests:
                query = "UPDATE objects SET touched = ? WHERE digest = ?"
                if not db.execute(query, (now, digest)).rowcount:
                    gone.add(digest)
        return gone

    def add(self, pack: str, size: int, places: Iterable[Place]) -> None:
        """Enter what is new in a pack, which is now known up to `size`. An object known already stays where
        it was found first. Nothing is entered of a pack that is gone."""
        with self.writing() as db:
            if (self._packs / pack).exists():  # or garbage collection has replaced it, and it would come back
                self._add(db, pack, size, places)

    def _add(self, db: sqlite3.Connection, pack: str, size: int, places: Iterable[Place]) -> None:
        db.execute(
            "INSERT INTO packs (name, size) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET size = max(size, excluded.size)",
            (pack, size),
        )
        (number,) = db.execute("SELECT id FROM packs WHERE name = ?", (pack,)).fetchone()
        db.executemany(
            "INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((p.digest, number, p.offset, p.start, p.size, p.depth, p.touched) for p in places),
        )

    def catch_up(self) -> None:
        """Forget packs that are gone, and enter what packs hold that the catalog does not know of."""
        with self._lock, self._as_infra_error():
            known = dict(self._db.execute("SELECT name, size FROM packs").fetchall())
        # First: what is forgotten may be in a pack that is entered next.
        if known.keys() - {path.name for path in list_packs(self._packs)}:
            with self.writing() as db:
                for name in known.keys() - {path.name for path in list_packs(self._packs)}:
                    self.forget(db, name)
        for path in list_packs(self._packs):
            self._enter(path, known.get(path.name, 0))

    def _enter(self, path: Path, start: int) -> None:
        places: list[Place] = []
        known = start
        try:
            if path.stat().st_size <= start:
                return
            for found in scan(path, start):
                if isinstance(found, Gap):
                    continue
                places += places_in(path.name, found)
                known = found.end
        except FileNotFoundError:  # garbage collection has replaced it
            return
        if places:
            self.add(path.name, known, places)

    def forget(self, db: sqlite3.Connection, pack: str) -> None:
        """Within `writing`: a pack is gone, and what is still said to be in it."""
        db.execute("DELETE FROM objects WHERE pack = (SELECT id FROM packs WHERE name = ?)", (pack,))
        db.execute("DELETE FROM packs WHERE name = ?", (pack,))

    def replace(self, old: str, moved: Mapping[int, int], new: str = "", size: int = 0) -> bool:
        """A pack gives way to a new one, to which its records have moved: from their offsets to those
        they are mapped to; its file is removed. False, and nothing is changed, where it holds more than has
        moved."""
        with self.writing() as db:
            if not self.offsets_in(old) <= moved.keys():
                return False
            if new:
                self._add(db, new, size, ())
            db.executemany(
                "UPDATE objects SET pack = (SELECT id FROM packs WHERE name = ?), offset = ? "
                "WHERE pack = (SELECT id FROM packs WHERE name = ?) AND offset = ?",
                [(new, after, old, before) for before, after in moved.items()],
            )
            self.forget(db, old)
            # Within the transaction: a reader that enters it must find it either known or gone.
            (self._packs / old).unlink(missing_ok=True)
        return True

    def offsets_in(self, pack: str) -> set[int]:
        """Where in a pack there are records of which an object is known."""
        query = "SELECT DISTINCT offset FROM objects WHERE pack = (SELECT id FROM packs WHERE name = ?)"
        with self._lock, self._as_infra_error():
            return {offset for (offset,) in self._db.execute(query, (pack,)).fetchall()}

    def places(self) -> list[Place]:
        """All objects, in the order in which they lie in the packs."""
        with self._lock, self._as_infra_error():
            rows = self._db.execute(f"{_JOIN} ORDER BY packs.name, offset, start").fetchall()
        return [Place(*row) for row in rows]

    def rebuild(self) -> None:
        """Make it anew from the packs."""
        with self.writing() as db:
            db.execute("DELETE FROM objects")
            db.execute("DELETE FROM packs")
        self.catch_up()

    def problem(self) -> str | None:
        """What SQLite finds wrong with the file itself."""
        with self._lock:
            try:
                (first,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
            except sqlite3.DatabaseError as error:
                return str(error)
        return None if first == "ok" else str(first)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. No other process writes to the catalog from its first to its last line."""
        with self._lock, self._as_infra_error():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _as_infra_error(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise InfraError(f"{self._path} cannot be used: {error}") from error

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA journal_mode = WAL")
            # A power cut may lose the last transactions but not break the file; the packs know better anyway.
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            db.execute("BEGIN IMMEDIATE")
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA:
                    db.execute(statement)
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        return db

    def _discard(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(FILE_NAME + suffix).unlink(missing_ok=True)
