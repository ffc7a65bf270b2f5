"""Finding runs, and what they left, under deskswarm's home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.journal import FILE_NAME, Journal
from runner.state import AttemptState, RunState, fold, fold_decisions
from sandboxes.errors import InputError
from sandboxes.home import find_home


@contextmanager
def open_journal() -> Iterator[Journal]:
    """The journal of this home, to read. Raises InputError where nothing has run yet."""
    home = find_home()
    if not (home / FILE_NAME).exists():
        raise InputError(f"no run is known yet under {home}; start one with `deskswarm run FILE`")
    with Journal(home) as journal:
        yield journal


def open_artifacts() -> ArtifactStore:
    return ArtifactStore(find_home() / ARTIFACTS)


def find_run(journal: Journal, text: str) -> str:
    """The run of that id, of that unique beginning of an id, or the `last` one. Raises InputError."""
    runs = journal.runs()
    if text == "last" and runs:
        return runs[0]
    found = [text] if text in runs else [run for run in runs if run.startswith(text)]
    if len(found) == 1:
        return found[0]
    problem = f"{text!r} is the beginning of {', '.join(found)}" if found else f"no run is called {text!r}"
    raise InputError(f"run: {problem}; `deskswarm runs` lists them")


def read_state(journal: Journal, text: str) -> RunState:
    """The state of the run `find_run` finds."""
    return fold(journal.read(find_run(journal, text)))


def read_decisions(journal: Journal, text: str) -> RunState:
    """The same, as `fold_decisions` has it: without the steps of what has ended."""
    return fold_decisions(journal, find_run(journal, text))


def attempts_of_desktop(journal: Journal, text: str) -> Iterator[tuple[str, AttemptState]]:
    """The attempts that used a desktop whose id begins so, the newest run's first: desktop id and attempt."""
    for run in journal.runs():
        for task in fold(journal.read(run)).tasks.values():
            for attempt in task.attempts:
                if attempt.desktop is not None and attempt.desktop.startswith(text):
                    yield attempt.desktop, attempt
