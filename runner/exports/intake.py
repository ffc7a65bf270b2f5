"""Taking in a run that was exported elsewhere. Its objects come first, each verified, then its events, all at
once: a run is here whole or not at all. What a refused archive leaves, garbage collection frees."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.artifacts import ArtifactStore, Batch, Part, Series, Sha256
from runner.checkpoints import read_checkpoint
from runner.events import CheckpointTaken, RunImported, RunResumed, RunStarted
from runner.exports.archive import check_over
from runner.exports.opened import OpenedArchive
from runner.fsck import contradiction
from runner.journal import AlreadyHappened, Journal, Record
from runner.references import Reference, named_in_turn, references
from runner.state import RunState, fold
from sandboxes.errors import InfraError
from sandboxes.owner import Owner

_AT_ONCE = 16  # events whose objects are forced to disk together


def take_in(path: Path, journal: Journal, store: ArtifactStore) -> tuple[RunState, bool]:
    """The run of an archive, and whether it is new here.

    Raises InputError for an archive that is damaged, hostile, of a later version, or of a run of which there
    is another here; InfraError where nothing can be kept.
    """
    with OpenedArchive(path) as archive:
        records = _records(archive)
        state = _state(archive, records)
        if here := journal.read(state.id):
            _check_same(archive, here, records)
            return state, False
        kept = _keep_objects(archive, records, store)
        _check_chains(archive, records, store)
        _hold(kept, store)
        with path.open("rb") as file:
            imported = RunImported(sha256=hashlib.file_digest(file, "sha256").hexdigest())
        happened = [(record.at, record.event) for record in records]
        try:  # its own clock goes on no further than it did elsewhere
            journal.take_in(state.id, [*happened, (records[-1].at, imported)])
        except AlreadyHappened as error:
            raise archive.wrong(str(error)) from None
    return state, True


def _records(archive: OpenedArchive) -> list[Record]:
    run, count = archive.manifest.run, archive.manifest.events
    records = [Record(number, run, one.at, one.event) for number, one in enumerate(archive.events(), 1)]
    if len(records) != count:
        raise archive.wrong(f"it has {len(records)} events; its manifest says {count}")
    return records


def _state(archive: OpenedArchive, records: Sequence[Record]) -> RunState:
    """What the events come to. Whoever wrote them, they must be a run, and one that is over."""
    try:
        for record in records:
            if isinstance(record.event, RunStarted | RunResumed):
                Owner.parse(record.event.controller)
            if isinstance(record.event, RunImported):
                raise ValueError("an imported run is exported as it was")
        state = fold(records)
    except (ValueError, LookupError) as error:
        raise archive.wrong(f"its events are no run: {error}") from None
    check_over(state)
    return state


def _check_same(archive: OpenedArchive, here: Sequence[Record], records: Sequence[Record]) -> None:
    known = [(record.at, record.event) for record in here if not isinstance(record.event, RunImported)]
    if known != [(record.at, record.event) for record in records]:
        raise archive.wrong(f"another run {archive.manifest.run} is here already, with other events")


def _keep_objects(archive: OpenedArchive, records: Sequence[Record], store: ArtifactStore) -> set[Sha256]:
    """All that the events name, and nothing else."""
    keeper = _Keeper(archive)
    for start in range(0, len(records), _AT_ONCE):
        named = [one for record in records[start : start + _AT_ONCE] for one in references(record)]
        with store.batch() as batch:
            for reference in named:
                keeper.put(batch, reference, reference.place.what)
        with store.batch() as batch:
            for reference in named:
                keeper.put_below(batch, reference, store)
    if extra := archive.objects - keeper.kept:
        raise archive.wrong(f"it holds {len(extra)} objects that its events do not name")
    return keeper.kept


@dataclass(slots=True)
class _Keeper:
    """Puts objects as a session does: those that follow one another as differences, tiles together."""

    archive: OpenedArchive
    kept: set[Sha256] = field(default_factory=set)
    series: defaultdict[tuple[str, int, str], Series] = field(default_factory=lambda: defaultdict(Series))

    def put(self, batch: Batch, reference: Reference, what: str) -> None:
        for digest in self._new([reference.digest]):
            data = self.archive.object(digest)
            if what in ("checkpoint", "frame"):
                self._series(reference, what).put(batch, data)
            else:
                batch.put(data)

    def put_below(self, batch: Batch, reference: Reference, store: ArtifactStore) -> None:
        """What the object names in turn; it is in the store by now."""
        what = reference.place.what
        try:
            below = list(self._new(named_in_turn(store, what, reference.digest)))
        except InfraError as error:
            raise self.archive.wrong(str(error)) from None
        if what == "frame":
            batch.put_together([Part(self.archive.object(digest)) for digest in below])
        for digest in below if what == "checkpoint" else ():
            self._series(reference, "tree").put(batch, self.archive.object(digest))

    def _series(self, reference: Reference, what: str) -> Series:
        return self.series[reference.place.task, reference.place.attempt, what]

    def _new(self, digests: Iterator[Sha256] | list[Sha256]) -> Iterator[Sha256]:
        for digest in digests:
            if digest not in self.kept:
                self.kept.add(digest)
                yield digest


def _check_chains(archive: OpenedArchive, records: Sequence[Record], store: ArtifactStore) -> None:
    """Each checkpoint must be of the step that its event says, and follow the one before."""
    last: dict[tuple[str, int], Sha256] = {}
    for record in records:
        event = record.event
        if isinstance(event, CheckpointTaken):
            chain = (event.task, event.attempt)
            checkpoint = read_checkpoint(store, event.sha256)
            if problem := contradiction(checkpoint, record.run, event, last.get(chain)):
                raise archive.wrong(f"checkpoint {event.sha256}: {problem}")
            last[chain] = event.sha256


def _hold(kept: set[Sha256], store: ArtifactStore) -> None:
    """What was put long ago may have been collected meanwhile. Raises InfraError."""
    if len(store.catalog.claim(map(bytes.fromhex, kept))) < len(kept):
        raise InfraError("garbage was collected meanwhile, and some of this run with it; import it again")
