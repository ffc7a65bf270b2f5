"""The journal: an append-only table of events in SQLite, and the only source of truth.

Any number of processes may read it while others write. Appending takes the write lock at once, is all
or nothing, and returns when the events are on disk: 0.35 ms measured on an idle machine, 2.5 ms on a
busy one, and seconds where another process holds the lock. So asynchronous code appends from a worker
thread; it reads directly.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from runner.events import EVENT, Event, RunEnded, RunResumed, RunStarted
from sandboxes.deadline import Pace
from sandboxes.errors import InfraError, InputError
from sandboxes.owner import Owner

FILE_NAME = "journal.db"
VERSION = 1
BUSY_TIMEOUT_S = 30.0
_NO_END = 1 << 62
_STEPS = "('checkpoint', 'act_intended')"

_SCHEMA = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    task TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    part TEXT NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL CHECK (json_valid(body)),
    UNIQUE (run, task, attempt, kind, part)
) STRICT;
CREATE INDEX events_of_run ON events (run, seq);
CREATE INDEX decisions_of_run ON events (run, seq) WHERE kind NOT IN ('checkpoint', 'act_intended');
CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_hold BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


class JournalError(InfraError):
    """The journal refused an event, or cannot be used."""


class AlreadyHappened(JournalError):
    """An event that may happen once is in the journal already; another controller is at work on the run."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event in its place: `seq` grows through the whole journal, `at` is seconds since the epoch."""

    seq: int
    run: str
    at: float
    event: Event


class Journal:
    """The journal of one home. Safe to use from several threads; its calls block."""

    def __init__(self, home: Path) -> None:
        """Open it, making it where there is none. Raises JournalError."""
        home.mkdir(parents=True, exist_ok=True)
        self.path = home / FILE_NAME
        self._lock = threading.Lock()
        self._seen = 0
        self._db = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def append(self, run: str, *events: Event) -> list[Record]:
        """Write all of the events, or none, and return them as written.

        Raises AlreadyHappened for one that may happen once and has, JournalError where it cannot write.
        """
        [result] = self.append_groups(run, [events])
        if isinstance(result, AlreadyHappened):
            raise result
        return result

    def append_groups(
        self, run: str, groups: Sequence[Sequence[Event]]
    ) -> list[list[Record] | AlreadyHappened]:
        """Write several groups in one transaction, which costs the disk no more than one does.

        Each is written whole or not at all, whatever becomes of the others; what came of each, in order.
        Raises JournalError where nothing could be written.
        """
        with self._lock, self._writing():
            return [self._insert_group(run, events) for events in groups]

    def take_in(self, run: str, events: Sequence[tuple[float, Event]]) -> None:
        """Write the events of a run that happened elsewhere, each with when it did; all, or none.

        Raises AlreadyHappened where something of that run is here, or one of them is there twice.
        """
        with self._lock, self._writing():
            if self._db.execute("SELECT 1 FROM events WHERE run = ?", (run,)).fetchone():
                raise AlreadyHappened(f"run {run} is in the journal {self.path}")
            for at, event in events:
                self._insert(run, at, event)

    def read(self, run: str, after: int = 0, before: int = _NO_END) -> list[Record]:
        """The run's events with a `seq` between these two, in order. Empty for an unknown run."""
        query = "SELECT seq, run, at, body FROM events WHERE run = ? AND seq > ? AND seq < ? ORDER BY seq"
        return self._records(query, run, after, before)

    def first(self, run: str) -> Record:
        """The event that a run begins with. Raises InputError for an unknown run."""
        records = self._records(
            "SELECT seq, run, at, body FROM events WHERE run = ? ORDER BY seq LIMIT 1", run
        )
        if not records:
            raise InputError(f"run: {run!r} is not in the journal {self.path}")
        return records[0]

    def read_decisions(self, run: str) -> list[Record]:
        """The run's events but for the steps of its attempts, in order."""
        query = f"SELECT seq, run, at, body FROM events WHERE run = ? AND kind NOT IN {_STEPS} ORDER BY seq"
        return self._records(query, run)

    def read_steps(self, run: str, task: str, attempt: int) -> list[Record]:
        """The steps of an attempt, in order."""
        place = f"run = ? AND task = ? AND attempt = ? AND kind IN {_STEPS}"
        return self._records(
            f"SELECT seq, run, at, body FROM events WHERE {place} ORDER BY seq", run, task, attempt
        )

    def runs(self) -> list[str]:
        """The ids of all runs, the newest first."""
        with self._lock, _as_journal_error():
            rows = self._db.execute("SELECT run FROM events WHERE kind = 'run_started' ORDER BY seq DESC")
            return [run for (run,) in rows.fetchall()]

    async def follow(self, run: str, after: int = 0) -> AsyncIterator[Record]:
        """The run's events as they are written, by any process, until it has ended or its controller is gone.

        Waits for the database to change (`PRAGMA data_version`, and this connection's own writes); bound it
        with a cancel scope. Raises InputError for an unknown run.
        """
        controller = self._controller(run)
        while True:
            alive = controller.is_alive()  # asked before the read, so that its last words are not missed
            version = self._version()
            for record in self.read(run, after):
                after = record.seq
                yield record
                if isinstance(record.event, RunEnded):
                    return
            if not alive:
                return
            await self._changed(version, controller)

    def _records(self, query: str, *values: str | int) -> list[Record]:
        with self._lock, _as_journal_error():
            rows = self._db.execute(query, values).fetchall()
        return [Record(seq, name, at, EVENT.validate_json(body)) for seq, name, at, body in rows]

    async def _changed(self, version: tuple[int, int], controller: Owner) -> None:
        pace = Pace()
        while self._version() == version and controller.is_alive():
            await pace.wait()

    def _version(self) -> tuple[int, int]:
        with self._lock, _as_journal_error():
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
            return int(version), self._db.total_changes

    def _controller(self, run: str) -> Owner:
        kinds = "('run_started', 'run_resumed')"
        query = f"SELECT body FROM events WHERE run = ? AND kind IN {kinds} ORDER BY seq DESC"
        with self._lock, _as_journal_error():
            row = self._db.execute(query, (run,)).fetchone()
        if row is None:
            raise InputError(f"run: {run!r} is not in the journal {self.path}")
        event = EVENT.validate_json(row[0])
        assert isinstance(event, RunStarted | RunResumed)
        return Owner.parse(event.controller)

    def changed_by_others(self) -> bool:
        """Whether another connection has written since this was last asked (`PRAGMA data_version`)."""
        with self._lock, _as_journal_error():
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
        changed = bool(version != self._seen)
        self._seen = version
        return changed

    def _insert_group(self, run: str, events: Sequence[Event]) -> list[Record] | AlreadyHappened:
        self._db.execute("SAVEPOINT one")
        try:
            records = [self._insert(run, time.time(), event) for event in events]
        except AlreadyHappened as error:
            self._db.execute("ROLLBACK TO one")
            return error
        finally:
            self._db.execute("RELEASE one")
        return records

    def _insert(self, run: str, at: float, event: Event) -> Record:
        row = (
            run,
            event.task,
            event.attempt,
            event.kind,
            event.part,
            at,
            event.model_dump_json(by_alias=True),
        )
        try:
            cursor = self._db.execute(
                "INSERT INTO events (run, task, attempt, kind, part, at, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        except sqlite3.IntegrityError as error:
            place = " ".join(str(part) for part in row[:5] if part)
            raise AlreadyHappened(f"{place}: {error}") from error
        assert cursor.lastrowid is not None
        return Record(cursor.lastrowid, run, at, event)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, which takes the write lock before it reads anything."""
        with _as_journal_error():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        with _as_journal_error():
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        with self._writing():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise JournalError(f"{self.path} is of version {version}; this deskswarm reads {VERSION}")
            if version == 0:
                for statement in _statements(_SCHEMA):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")


def _statements(script: str) -> Iterator[str]:
    """One at a time: `executescript` would commit the transaction it runs in."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


@contextmanager
def _as_journal_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(f"the journal cannot be used: {error}") from error
