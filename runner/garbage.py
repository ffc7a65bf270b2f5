"""Garbage collection: objects that no event names are taken out of the packs, while runs go on.

What must never be taken is what a writer has put, or found already stored, and not named in the journal yet.
Why it is not:

- A writer puts and finds objects only within an attempt, so its `attempt_started` is in the journal before,
  and all it names is there by its `attempt_ended`. Whatever it puts or finds is marked in the catalog as
  touched then (at most `REFRESH_S` before, which is less than the grace).
- Collection decides within one transaction of the catalog, in which it reads the end of the journal. Who
  touched an object before is seen: its attempt is running, and what was touched since the oldest running
  attempt began, less the grace, stays; or its attempt is over, and its events are read. Who looks for an
  object afterwards does not find what was taken, and stores it again.

Bytes are freed by writing what is left of a pack to a new one. A pack whose writer lives is left alone, and
one with damage too: it is evidence.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.artifacts import ArtifactStore, Sha256
from runner.catalog import bases_of, places_in
from runner.journal import Journal, Record
from runner.packs import (
    Gap,
    PackRecord,
    PackWriter,
    encode_record,
    list_packs,
    remove_drafts,
    scan,
    try_lock,
)
from runner.references import named_in_turn, references
from runner.state import fold
from sandboxes.owner import Owner
from sandboxes.spec import Model

GRACE_S = 600.0
"""Nothing is collected that was touched so shortly before the oldest running attempt began; clocks jump."""


class Collected(Model):
    """What a collection did; `kept` counts the objects that are left."""

    objects: int
    kept: int
    bytes_freed: int


def collect_garbage(store: ArtifactStore, journal: Journal, *, grace_s: float = GRACE_S) -> Collected:
    """Collect what no event names. Raises InfraError, before it changes anything, where something that an
    event names cannot be read: what that in turn names would be lost."""
    store.catalog.catch_up()
    marked = _Marked(store, journal)
    marked.read_on()  # most of it before anyone has to wait for us
    bases = _read_bases(store)
    with store.catalog.writing() as db:
        marked.read_on()
        horizon = marked.oldest_running() - grace_s
        places = store.catalog.places()
        kept = _closure(marked.names | {p.digest for p in places if p.touched >= horizon}, bases)
        doomed = [place.digest for place in places if place.digest not in kept]
        db.executemany("DELETE FROM objects WHERE digest = ?", [(digest,) for digest in doomed])
    freed = sum(_shrink(store, path) for path in list_packs(store.packs))
    remove_drafts(store.packs)
    return Collected(objects=len(doomed), kept=len(places) - len(doomed), bytes_freed=freed)


class _Marked:
    """All that the journal names, and what that names in turn."""

    def __init__(self, store: ArtifactStore, journal: Journal) -> None:
        self.names: set[bytes] = set()
        self._store = store
        self._journal = journal
        self._records: dict[str, list[Record]] = {}

    def read_on(self) -> None:
        """Take in what the journal holds by now."""
        for run in self._journal.runs():
            records = self._records.setdefault(run, [])
            new = self._journal.read(run, records[-1].seq if records else 0)
            records += new
            for record in new:
                for reference in references(record):
                    self._mark(reference.place.what, reference.digest)

    def oldest_running(self) -> float:
        """When the first of the attempts began that are under way; now, where there is none."""
        began = [time.time()]
        for records in self._records.values():
            state = fold(records)
            if state.status == "running" and Owner.parse(state.controller).is_alive():
                attempts = [attempt for task in state.tasks.values() for attempt in task.attempts]
                began += [attempt.started_at for attempt in attempts if attempt.ended_at is None]
        return min(began)

    def _mark(self, what: str, digest: Sha256) -> None:
        name = bytes.fromhex(digest)
        if name in self.names:
            return
        self.names.add(name)
        self.names |= {bytes.fromhex(one) for one in named_in_turn(self._store, what, digest)}


def _read_bases(store: ArtifactStore) -> dict[bytes, tuple[bytes, ...]]:
    """What each object that is kept as a difference is a difference from."""
    bases: dict[bytes, tuple[bytes, ...]] = {}
    for path in list_packs(store.packs):
        for record in _records_of(path):
            if needed := bases_of(record):
                bases.update((place.digest, needed) for place in places_in(path.name, record))
    return bases


def _closure(names: Iterable[bytes], bases: dict[bytes, tuple[bytes, ...]]) -> set[bytes]:
    """The objects, and all without which these cannot be read."""
    kept: set[bytes] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in kept:
            kept.add(name)
            pending += bases.get(name, ())
    return kept


def _shrink(store: ArtifactStore, path: Path) -> int:
    """Replace a pack by one without what the catalog no longer has; how many bytes that freed."""
    with _locked(path) as is_ours:
        if not is_ours:
            return 0
        parts, live = list(scan(path)), store.catalog.offsets_in(path.name)
        kept = [part for part in parts if isinstance(part, PackRecord) and part.offset in live]
        damaged = any(isinstance(part, Gap) and not part.torn for part in parts)
        if damaged or len(kept) == len(parts) > 0:
            return 0
        return path.stat().st_size - _rewrite(store, path, kept)


def _rewrite(store: ArtifactStore, path: Path, kept: list[PackRecord]) -> int:
    """The size of what takes the pack's place; the pack's own, where it has to stay after all."""
    if not kept:
        return 0 if store.catalog.replace(path.name, {}) else path.stat().st_size
    writer = PackWriter(store.packs)
    try:
        offsets = writer.append([encode_record(part.kind, part.digest, part.payload) for part in kept])
        moved = {part.offset: offset for part, offset in zip(kept, offsets, strict=True)}
        # The new one stays locked until the catalog knows it, or another collection would find it empty.
        if store.catalog.replace(path.name, moved, writer.path.name, writer.size):
            return writer.size
        writer.path.unlink()
        return path.stat().st_size
    finally:
        writer.close()


def _records_of(path: Path) -> Iterator[PackRecord]:
    try:
        yield from (part for part in scan(path) if isinstance(part, PackRecord))
    except FileNotFoundError:  # another collection has replaced it
        return


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Whether the pack has no writer any more; it has none as long as the block lasts."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield try_lock(descriptor) and path.exists()
    finally:
        os.close(descriptor)
