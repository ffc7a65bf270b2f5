"""Verification of everything that was ever recorded: each byte of the packs, each name in the journal.

Reads only, but for a catalog that does not say what the packs hold: it is derived, and is made anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from runner.artifacts import ArtifactStore, Sha256
from runner.catalog import Place as ObjectPlace
from runner.catalog import bases_of, places_in
from runner.checkpoints import Checkpoint, read_checkpoint
from runner.events import CheckpointTaken
from runner.frames import read_tiles
from runner.journal import Journal, Record
from runner.packs import Gap, list_packs, scan
from runner.references import Place, Reference, references
from runner.trees import read_tree
from sandboxes.errors import InfraError
from sandboxes.spec import Model
from sandboxes.wire import first_error


class Affected(Model):
    """A place in a run that can no longer be shown as it was; `step` counts from 0."""

    run: str
    task: str
    attempt: int
    step: int | None
    what: str


class Damage(Model):
    """One thing that is wrong: where it is, what it is, and what of the runs it touches."""

    where: str
    problem: str
    affects: tuple[Affected, ...] = ()


class Health(Model):
    """What a verification found. `torn_bytes` is what crashes left at the ends of packs: nothing names it."""

    clean: bool
    packs: int
    objects: int
    references: int
    torn_bytes: int
    damage: tuple[Damage, ...]


@dataclass
class _Packs:
    """What the packs hold: each object's places and what it is a difference from, and what is damaged."""

    places: dict[bytes, list[ObjectPlace]] = field(default_factory=dict)
    bases: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    damage: list[Damage] = field(default_factory=list)
    torn_bytes: int = 0
    count: int = 0


def check(store: ArtifactStore, journal: Journal | None) -> Health:
    """Verify all of it. Raises InfraError where the store or the journal cannot be read at all."""
    packs = _read_packs(store)
    damage = _check_catalog(store, packs)
    bad = _verify_objects(store, packs)
    names = _Names(store, packs, bad)
    if journal is not None:
        damage += _read_journal(journal, names)
    damage = packs.damage + damage + list(names.damage())
    return Health(
        clean=not damage,
        packs=packs.count,
        objects=len(packs.places),
        references=names.count,
        torn_bytes=packs.torn_bytes,
        damage=tuple(damage),
    )


def _read_packs(store: ArtifactStore) -> _Packs:
    found = _Packs()
    for path in list_packs(store.packs):
        found.count += 1
        for part in scan(path):
            if isinstance(part, Gap):
                _note_gap(found, path.name, part)
                continue
            for place in places_in(path.name, part):
                found.places.setdefault(place.digest, []).append(place)
                found.bases[place.digest] = bases_of(part)
    return found


def _where(place: ObjectPlace) -> tuple[str, int, int, int]:
    return place.pack, place.offset, place.start, place.size


def _note_gap(found: _Packs, pack: str, gap: Gap) -> None:
    if gap.torn:
        found.torn_bytes += gap.end - gap.offset
        return
    was = f"; object {gap.digest.hex()} was there" if gap.digest and any(gap.digest) else ""
    problem = f"bytes {gap.offset} to {gap.end} are damaged{was}"
    found.damage.append(Damage(where=pack, problem=problem))


def _check_catalog(store: ArtifactStore, packs: _Packs) -> list[Damage]:
    problem = store.catalog.problem()
    if problem is None:
        known = {place.digest: place for place in store.catalog.places()}
        wrong = sum(_is_mislaid(store, packs, place) for place in known.values())
        if not wrong:
            for digest in packs.places.keys() - known.keys():  # garbage, or just put
                [*_, place] = packs.places[digest]
                store.catalog.add(place.pack, 0, [place])
            return []
        problem = f"{wrong} objects are not where it says"
    store.catalog.rebuild()
    return [Damage(where="catalog.db", problem=f"{problem}; made anew from the packs")]


def _is_mislaid(store: ArtifactStore, packs: _Packs, place: ObjectPlace) -> bool:
    """Whether the object is, whole, only elsewhere. One that writers or garbage collection put there since
    the packs were read can be read, and is not."""
    there = packs.places.get(place.digest, [])
    if not there or any(_where(place) == _where(one) for one in there):
        return False
    try:
        store.get(place.digest.hex())
    except InfraError:
        return True
    return False


def _verify_objects(store: ArtifactStore, packs: _Packs) -> dict[Sha256, str]:
    """What is wrong with each object that does not read as its name says."""
    bad: dict[Sha256, str] = {}
    for digest in packs.places:
        try:
            store.get(digest.hex())
        except InfraError as error:
            bad[digest.hex()] = str(error)
    for digest, bases in packs.bases.items():
        # One that lacks what it is a difference from is whole itself: that other one is to blame.
        if digest.hex() in bad and all(base in packs.places and base.hex() not in bad for base in bases):
            packs.damage.append(Damage(where=packs.places[digest][0].pack, problem=bad[digest.hex()]))
    return bad


def _read_journal(journal: Journal, names: _Names) -> list[Damage]:
    """Follow every name in the journal; what is wrong with the journal itself is returned."""
    damage = []
    for run in journal.runs():
        try:
            for record in journal.read(run):
                names.take(record)
        except ValidationError as error:
            damage.append(Damage(where=journal.path.name, problem=f"{run}: {first_error(error)}"))
    if problem := _problem_of_database(journal.path):
        damage.append(Damage(where=journal.path.name, problem=problem))
    return damage


def _problem_of_database(path: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            (answer,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return None if answer == "ok" else str(answer)


class _Names:
    """Follows every name in the journal to what it stands for."""

    def __init__(self, store: ArtifactStore, packs: _Packs, bad: dict[Sha256, str]) -> None:
        self.count = 0
        self._store = store
        self._packs = packs
        self._bad = bad
        self._verdicts: dict[tuple[str, Sha256], str | None] = {}
        self._affected: dict[str, list[Place]] = {}
        self._last: dict[tuple[str, str, int], Sha256] = {}

    def take(self, record: Record) -> None:
        for reference in references(record):
            self._follow(reference)
        if isinstance(record.event, CheckpointTaken):
            self._take_checkpoint(record, record.event)

    def damage(self) -> Iterator[Damage]:
        for problem, places in self._affected.items():
            affects = tuple(
                Affected(run=p.run, task=p.task, attempt=p.attempt, step=p.step, what=p.what) for p in places
            )
            yield Damage(where="journal", problem=problem, affects=affects)

    def _follow(self, reference: Reference) -> None:
        self.count += 1
        kind = reference.place.what.partition(" ")[0]
        key = (kind, reference.digest)
        if key not in self._verdicts:
            self._verdicts[key] = self._verify(kind, reference.digest)
        problem = self._verdicts[key]
        if problem is not None:
            self._affected.setdefault(problem, []).append(reference.place)

    def _verify(self, kind: str, digest: Sha256) -> str | None:
        """What is wrong with an object, as one of its kind."""
        if digest in self._bad:
            return self._bad[digest]
        try:
            if kind == "frame":
                for tile in set(read_tiles(self._store, digest)[2]):
                    if not self._is_whole(tile):
                        return f"frame {digest}: tile {tile} is damaged or missing"
            elif kind == "tree":
                read_tree(self._store, digest)
            else:
                self._store.get(digest)
        except InfraError as error:
            return str(error)
        return None

    def _is_whole(self, digest: Sha256) -> bool:
        """The catalog may still name what is damaged; the packs may hold by now what they did not before."""
        if bytes.fromhex(digest) in self._packs.places:
            return digest not in self._bad
        try:
            self._store.get(digest)
        except InfraError:
            return False
        return True

    def _take_checkpoint(self, record: Record, event: CheckpointTaken) -> None:
        place = Place(record.run, event.task, event.attempt, event.step, "checkpoint")
        chain = (record.run, event.task, event.attempt)
        before, self._last[chain] = self._last.get(chain), event.sha256
        try:
            checkpoint = read_checkpoint(self._store, event.sha256)
        except (InfraError, ValidationError):
            return  # told already, where the event itself names it
        self._follow(Reference(Place(*chain, event.step, "tree"), checkpoint.screen.tree))
        if problem := contradiction(checkpoint, record.run, event, before):
            self._affected.setdefault(f"checkpoint {event.sha256}: {problem}", []).append(place)


def contradiction(
    checkpoint: Checkpoint, run: str, event: CheckpointTaken, before: Sha256 | None
) -> str | None:
    """What a checkpoint says otherwise than the event that names it."""
    theirs = (checkpoint.run, checkpoint.task, checkpoint.attempt, checkpoint.step)
    if theirs != (run, event.task, event.attempt, event.step):
        return f"it says it is of {theirs}"
    if checkpoint.previous != before:
        return f"the chain is broken: it follows {checkpoint.previous}, the journal has {before} before it"
    if checkpoint.screen.frame != event.screenshot:
        return f"it shows frame {checkpoint.screen.frame}, its event says {event.screenshot}"
    return None
