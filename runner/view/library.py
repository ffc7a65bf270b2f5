"""What a viewer is shown of this home's runs: read off the journal and the store, as any reader does."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from io import BytesIO

from runner.artifacts import ArtifactStore, Sha256
from runner.frames import read_frame
from runner.journal import Journal, Record
from runner.replay.collect import Collector
from runner.replay.describe import status_of
from runner.replay.page import encode_data
from runner.state import AttemptState, RunState, fold, fold_decisions
from runner.view.data import Catalogue, ListedRun, LiveDesktop
from sandboxes.errors import InputError

MAX_OPEN = 4
"""So many runs are held ready for their readers; another's page is made anew."""

_MAX_SIDE = 640
_MAX_PICTURES = 128


class Library:
    """Answers for any number of threads. Everything it returns is of the moment it is asked."""

    def __init__(self, journal: Journal, store: ArtifactStore) -> None:
        self._journal = journal
        self._store = store
        self._lock = threading.Lock()
        self._states: dict[str, RunState] = {}
        self._open: OrderedDict[str, OpenRun] = OrderedDict()
        self._pictures: OrderedDict[Sha256, bytes] = OrderedDict()

    def catalogue(self) -> Catalogue:
        """All runs, the newest first, and the desktops that are at work."""
        with self._lock:
            states = [self._state(run) for run in self._journal.runs()]
            return Catalogue(
                runs=tuple(map(_listed, states)),
                desktops=tuple(desktop for state in states for desktop in _at_work(state)),
            )

    def open(self, run: str) -> OpenRun:
        """Raises InputError for an unknown run."""
        with self._lock:
            if run not in self._open:
                self._journal.first(run)
                self._open[run] = OpenRun(self._journal, self._store, run)
            self._open.move_to_end(run)
            while len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
            return self._open[run]

    def picture(self, frame: Sha256) -> bytes:
        """A frame made small, as WebP. Raises InfraError where there is no such frame."""
        with self._lock:
            if frame not in self._pictures:
                self._pictures[frame] = self._small(frame)
            self._pictures.move_to_end(frame)
            while len(self._pictures) > _MAX_PICTURES:
                self._pictures.popitem(last=False)
            return self._pictures[frame]

    def _small(self, frame: Sha256) -> bytes:
        image = read_frame(self._store, frame).image()
        image.thumbnail((_MAX_SIDE, _MAX_SIDE))
        data = BytesIO()
        image.save(data, "WEBP", quality=70, method=0)
        return data.getvalue()

    def _state(self, run: str) -> RunState:
        """Kept, and brought up to date: what is over is read once."""
        if run not in self._states:
            over = fold_decisions(self._journal, run)
            # What goes on is read in one go: nothing may be missed between two queries.
            self._states[run] = over if over.status != "running" else fold(self._journal.read(run))
        state = self._states[run]
        for record in self._journal.read(run, after=state.seq):
            state.apply(record)
        return state


class OpenRun:
    """A run whose page is looked at. Its frames keep their numbers in one `edition`."""

    def __init__(self, journal: Journal, store: ArtifactStore, run: str) -> None:
        self._journal = journal
        self._run = run
        self._collector = Collector(store)
        self._edition = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._state: RunState | None = None
        self._sheets: list[bytes] = []
        self._made: tuple[str, bytes] = ("", b"")

    @property
    def name(self) -> str:
        with self._lock:
            return self._catch_up().swarm.name

    def version(self) -> str:
        """Another one as soon as there is more to show, or the run's controller is gone."""
        with self._lock:
            return self._version()

    def data(self) -> bytes:
        """The page's data, as `runner.replay.page.encode_data` has it. Raises InfraError."""
        with self._lock:
            version = self._version()
            if self._made[0] != version:
                recording = self._collector.recording([self._collector.run(self._records)])
                self._sheets = list(recording.sheets)
                self._made = version, encode_data(recording.page)
            return self._made[1]

    def sheet(self, number: int) -> bytes:
        """Raises InputError for one that is not there."""
        with self._lock:
            if not 0 <= number < len(self._sheets):
                raise InputError(f"sheet: there is no {number}; ask for the data first")
            return self._sheets[number]

    def _version(self) -> str:
        state = self._catch_up()
        return f"{self._edition}.{state.seq}.{status_of(state)}"

    def _catch_up(self) -> RunState:
        new = self._journal.read(self._run, after=self._state.seq if self._state else 0)
        self._records += new
        if self._state is None:
            self._state, new = RunState.start(new[0]), new[1:]
        for record in new:
            self._state.apply(record)
        return self._state


def _listed(state: RunState) -> ListedRun:
    return ListedRun(
        id=state.id,
        name=state.swarm.name,
        status=status_of(state),
        started_at=state.started_at,
        wall_s=state.ended_at - state.started_at if state.ended_at else None,
        done=sum(task.status == "succeeded" for task in state.tasks.values()),
        tasks=len(state.tasks),
    )


def _at_work(state: RunState) -> Iterator[LiveDesktop]:
    if status_of(state) != "running":
        return
    for task in state.tasks.values():
        if task.status == "running" and task.attempts and task.attempts[-1].desktop is not None:
            yield _live(state, task.id, task.attempts[-1])


def _live(state: RunState, task: str, attempt: AttemptState) -> LiveDesktop:
    last = attempt.checkpoints[-1] if attempt.checkpoints else None
    return LiveDesktop(
        run=state.id,
        swarm=state.swarm.name,
        task=task,
        attempt=attempt.number,
        desktop=attempt.desktop or "",
        steps=len(attempt.checkpoints),
        frame=last.screenshot if last else None,
        does=attempt.intended.does.replace("_", " ") if attempt.intended else "",
    )
