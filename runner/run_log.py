"""The one way in which what is known of a run changes: into the journal, then the state, then told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from anyio import CancelScope, CapacityLimiter, to_thread

from runner.events import Event, RunStarted
from runner.journal import AlreadyHappened, Journal, JournalError, Record
from runner.redaction.masking import Masking
from runner.redaction.secrets import NO_SECRETS, Secrets
from runner.state import RunState

OnEvent = Callable[[Record, RunState], None]
"""Sees each event once it is in the journal, and the state with it; it only looks."""


@dataclass(eq=False, slots=True)
class _Entry:
    """Events that wait for their turn; `error` says why they were not written."""

    events: Sequence[Event]
    waits: bool = True
    error: JournalError | None = None


class RunLog:
    """What waits together is written together: the disk is asked to sync once for all of it."""

    def __init__(
        self, journal: Journal, state: RunState, on_event: OnEvent | None, secrets: Secrets = NO_SECRETS
    ) -> None:
        """`secrets` are masked in whatever is written."""
        self.state = state
        self.secrets = secrets
        self._masking = Masking(secrets, parts=True)
        self._journal = journal
        self._on_event = on_event
        self._waiting: list[_Entry] = []
        # One at a time, so that events reach the state in the journal's order.
        self._turn = CapacityLimiter(1)

    @classmethod
    async def start(
        cls,
        journal: Journal,
        run: str,
        event: RunStarted,
        on_event: OnEvent | None,
        secrets: Secrets = NO_SECRETS,
    ) -> Self:
        [first] = await to_thread.run_sync(journal.append, run, event)
        log = cls(journal, RunState.start(first), on_event, secrets)
        log._tell(first)
        return log

    async def write(self, *events: Event) -> None:
        """All of the events or, where it raises, none. Raises AlreadyHappened, JournalError."""
        entry = _Entry([self._masking.model(event) for event in events])
        self._waiting.append(entry)
        try:
            async with self._turn:
                with CancelScope(shield=True):
                    if entry.waits:
                        await self._write_waiting()
        finally:
            if entry.waits:  # cancelled before its turn came
                self._waiting.remove(entry)
        if entry.error is not None:
            raise entry.error

    async def catch_up(self) -> None:
        """Take in what another process has written into this run."""
        async with self._turn:
            if self._journal.changed_by_others():
                self._take(self._journal.read(self.state.id, self.state.seq))

    async def _write_waiting(self) -> None:
        entries, self._waiting = self._waiting, []
        for entry in entries:
            entry.waits = False
        groups = [entry.events for entry in entries]
        try:
            results = await to_thread.run_sync(self._journal.append_groups, self.state.id, groups)
        except JournalError as error:
            for entry in entries:
                entry.error = error
            return
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, AlreadyHappened):
                entry.error = result
            else:
                self._take_in_order(result)

    def _take_in_order(self, records: Sequence[Record]) -> None:
        """Between the last event and these there may be others': of other runs, and of this one."""
        if records and records[0].seq > self.state.seq + 1:
            self._take(self._journal.read(self.state.id, self.state.seq, before=records[0].seq))
        self._take(records)

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            self.state.apply(record)
            self._tell(record)

    def _tell(self, record: Record) -> None:
        if self._on_event is not None:
            self._on_event(record, self.state)
