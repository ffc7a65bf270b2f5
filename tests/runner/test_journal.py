"""The journal: once means once, all or nothing, append-only, and readable by others while it grows."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from runner.events import AttemptStarted, DesktopLeased, RunEnded, RunStarted, TaskEnded
from runner.journal import AlreadyHappened, Journal, JournalError, Record
from runner.plan import make_plan
from runner.state import fold
from sandboxes.errors import InputError
from sandboxes.owner import Owner
from tests.runner.laboratory import swarm, task

pytestmark = pytest.mark.anyio
RUN = "r-20261121-083012-ab12"


def started(controller: str = "") -> RunStarted:
    one = swarm(task("a", checks=[{"check": "json", "path": "~/x", "schema": {"type": "object"}}]), task("b"))
    controller = controller or str(Owner.current())
    return RunStarted(swarm=one, plan=make_plan(one), backend="simulated", controller=controller)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        written = journal.append(RUN, started(), AttemptStarted(task="a", attempt=1))
        journal.append("another", started())
        assert journal.read(RUN) == written
        assert journal.read(RUN, after=written[0].seq) == written[1:]
        assert journal.runs() == ["another", RUN]
    with Journal(tmp_path) as again:
        assert again.read(RUN) == written


@pytest.mark.parametrize(
    "event",
    [AttemptStarted(task="a", attempt=1), TaskEnded(task="a", status="failed"), RunEnded(status="failed")],
)
def test_what_may_happen_once_happens_once(
    tmp_path: Path, event: AttemptStarted | TaskEnded | RunEnded
) -> None:
    with Journal(tmp_path) as journal, Journal(tmp_path) as other:
        journal.append(RUN, started(), event)
        with pytest.raises(AlreadyHappened, match=event.kind):
            other.append(RUN, event)
        other.append("another", event)


def test_an_append_is_all_or_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append(RUN, started(), AttemptStarted(task="a", attempt=1))
        with pytest.raises(AlreadyHappened):
            journal.append(RUN, AttemptStarted(task="b", attempt=1), AttemptStarted(task="a", attempt=1))
        assert [record.event.task for record in journal.read(RUN)] == ["", "a"]
        journal.append(RUN, AttemptStarted(task="b", attempt=1))


@pytest.mark.parametrize("statement", ["DELETE FROM events", "UPDATE events SET at = 0"])
def test_nothing_is_changed_or_taken_away(tmp_path: Path, statement: str) -> None:
    with Journal(tmp_path) as journal:
        journal.append(RUN, started())
        db = sqlite3.connect(journal.path)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
        db.close()


def test_every_append_is_forced_to_disk(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)  # noqa: SLF001
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)  # noqa: SLF001


def test_a_journal_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    db = sqlite3.connect(tmp_path / "journal.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="version 99"):
        Journal(tmp_path)


def test_a_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database" * 100)
    with pytest.raises(JournalError, match="not a database"):
        Journal(tmp_path)


_WRITER = """
import sys
from pathlib import Path
from runner.events import DesktopLeased
from runner.journal import Journal
home, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with Journal(home) as journal:
    for attempt in range(first, first + count):
        journal.append("shared", DesktopLeased(task="a", attempt=attempt, desktop="d", epoch=1))
"""


def test_processes_write_and_read_at_once(tmp_path: Path) -> None:
    """Four open it for the first time together and write; what is read meanwhile only ever grows."""
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(1 + number * 50), "50"]) for number in range(4)]
    seen: list[Record] = []
    with Journal(tmp_path) as journal:
        while any(writer.poll() is None for writer in writers):
            now = journal.read("shared")
            assert now[: len(seen)] == seen
            seen = now
        assert [writer.wait() for writer in writers] == [0] * 4
        attempts = [record.event.attempt for record in journal.read("shared")]
    assert sorted(attempts) == list(range(1, 201))


async def test_following_sees_what_another_process_writes_and_ends_with_the_run(tmp_path: Path) -> None:
    seen: list[str] = []
    with Journal(tmp_path) as journal, Journal(tmp_path) as writer, anyio.fail_after(30):
        writer.append("shared", started())

        async def write() -> None:
            command = [sys.executable, "-c", _WRITER, str(tmp_path), "1", "3"]
            await anyio.run_process(command)
            writer.append("shared", RunEnded(status="succeeded"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            async for record in journal.follow("shared"):
                seen.append(record.event.kind)
    assert seen == ["run_started", *["desktop_leased"] * 3, "run_ended"]


async def test_following_ends_when_the_controller_is_gone(tmp_path: Path) -> None:
    dead = Owner(1, 1, "another boot")
    with Journal(tmp_path) as journal, anyio.fail_after(30):
        journal.append(RUN, started(str(dead)), AttemptStarted(task="a", attempt=1))
        kinds = [record.event.kind async for record in journal.follow(RUN)]
    assert kinds == ["run_started", "attempt_started"]


async def test_following_an_unknown_run_is_an_input_error(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal, pytest.raises(InputError, match="nope"):
        [record async for record in journal.follow("nope")]


def test_a_fold_needs_the_beginning(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        records = journal.append(RUN, started(), DesktopLeased(task="a", attempt=1, desktop="d", epoch=1))
    with pytest.raises(ValueError, match="begins with desktop_leased"):
        fold(records[1:])
    with pytest.raises(ValueError, match="without events"):
        fold([])
