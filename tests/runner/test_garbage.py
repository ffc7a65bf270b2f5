"""Garbage collection: what nobody names is freed, and nothing else, whatever goes on meanwhile."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import runner.catalog
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.fsck import check
from runner.garbage import Collected, collect_garbage
from runner.journal import Journal
from runner.packs import SIGNATURE, Gap, PackRecord, list_packs, scan
from sandboxes.errors import InfraError
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio

NO_GRACE_S = 2.0
RUNS = """
import sys
from pathlib import Path
import anyio
import runner.catalog
from tests.runner.laboratory import Laboratory, task

runner.catalog.REFRESH_S = 0
lab = Laboratory(Path(sys.argv[1]), Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    steps = [{"type": f"{number} {step}"} for step in range(4)] + [{"press": "ctrl+s"}]
    anyio.run(lambda: lab.run(task("a", *steps, outputs={"note": {"path": "~/note.txt"}}), task("b", *steps)))
"""


@pytest.fixture(autouse=True)
def _touch_at_every_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.catalog, "REFRESH_S", 0)


def collect(home: Path, grace_s: float = -NO_GRACE_S) -> Collected:
    """What was touched until now may go, unless an attempt is running."""
    with Journal(home) as journal, closing(ArtifactStore(home / ARTIFACTS)) as store:
        return collect_garbage(store, journal, grace_s=grace_s)


def assert_clean(home: Path) -> None:
    with Journal(home) as journal, closing(ArtifactStore(home / ARTIFACTS)) as store:
        assert check(store, journal).damage == ()


def put(home: Path, *contents: bytes) -> list[str]:
    """As a writer that dies before it names them."""
    with closing(ArtifactStore(home / ARTIFACTS)) as store:
        return [store.put(content) for content in contents]


def start_runs(home: Path, count: int) -> subprocess.Popen[bytes]:
    """So many runs, one after the other, in a process of their own."""
    return subprocess.Popen([sys.executable, "-c", RUNS, str(home), str(count)], stdout=subprocess.PIPE)


async def test_what_no_event_names_is_freed(lab: Laboratory) -> None:
    state = await lab.run(task("a", outputs={"note": {"path": "~/note.txt"}}))
    garbage = put(lab.home, bytes(range(256)) * 300, b"x" * 100)
    collected = collect(lab.home)
    assert collected.objects == 2
    assert collected.bytes_freed > 300
    assert not any(lab.store.has(digest) for digest in garbage)
    assert lab.store.get(state.tasks["a"].attempts[0].outputs["note"].sha256) == b"hello"
    assert_clean(lab.home)
    assert collect(lab.home).objects == 0


async def test_what_is_left_of_a_pack_is_moved_and_still_read(lab: Laboratory) -> None:
    state = await lab.run(task("a", outputs={"note": {"path": "~/note.txt"}}))
    garbage = put(lab.home, b"garbage" * 100)
    merge_packs(lab.store)
    with closing(ArtifactStore(lab.home / ARTIFACTS)) as reader:
        assert reader.has(garbage[0])
        [before] = reader.packs.iterdir()
        assert collect(lab.home).objects == 1
        [after] = reader.packs.iterdir()
        assert after != before
        assert reader.get(state.tasks["a"].attempts[0].outputs["note"].sha256) == b"hello"
        assert not reader.has(garbage[0])
    assert_clean(lab.home)


def merge_packs(store: ArtifactStore) -> None:
    """As if one writer had put all of it."""
    first, *others = sorted(store.packs.iterdir())
    with first.open("ab") as pack:
        for other in others:
            pack.write(other.read_bytes()[len(SIGNATURE) :])
            other.unlink()
    for file in store.folder.glob("catalog.db*"):
        file.unlink()


async def test_what_was_touched_within_the_grace_stays(lab: Laboratory) -> None:
    await lab.run(task("a"))
    [digest] = put(lab.home, b"fresh")
    assert collect(lab.home, grace_s=60).objects == 0
    assert lab.store.has(digest)


async def test_the_pack_of_a_living_writer_is_left_alone(lab: Laboratory) -> None:
    await lab.run(task("a"))
    with closing(ArtifactStore(lab.home / ARTIFACTS)) as writer:
        digest = writer.put(b"collected, and put again")
        assert collect(lab.home).bytes_freed == 0
        assert not writer.has(digest)
        assert writer.put(b"collected, and put again") == digest
        assert writer.get(digest) == b"collected, and put again"


async def test_nothing_is_collected_where_a_name_cannot_be_followed(lab: Laboratory) -> None:
    await lab.run(task("a"))
    [pack] = lab.store.packs.iterdir()
    pack.write_bytes(pack.read_bytes()[:-1])
    put(lab.home, b"garbage")
    with pytest.raises(InfraError, match="damaged"):
        collect(lab.home)


async def test_a_pack_that_goes_while_a_reader_catches_up_is_no_error(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.run(task("a"))
    [garbage] = put(lab.home, b"garbage")

    def list_then_collect(folder: Path) -> list[Path]:
        monkeypatch.undo()
        packs = list_packs(folder)
        collect(lab.home)
        return packs

    with closing(ArtifactStore(lab.home / ARTIFACTS)) as reader:
        monkeypatch.setattr(runner.catalog, "list_packs", list_then_collect)
        reader.catalog.catch_up()
        assert not reader.has(garbage)


async def test_what_goes_while_a_reader_enters_its_pack_does_not_come_back(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.run(task("a"))
    [garbage] = put(lab.home, b"garbage")

    def scan_then_collect(path: Path, start: int) -> list[PackRecord | Gap]:
        found = list(scan(path, start))
        if any(isinstance(part, PackRecord) and part.digest.hex() == garbage for part in found):
            monkeypatch.undo()
            collect(lab.home)
        return found

    with closing(ArtifactStore(lab.home / ARTIFACTS)) as reader:
        monkeypatch.setattr(runner.catalog, "scan", scan_then_collect)
        reader.catalog.rebuild()
        assert not reader.has(garbage)
        assert reader.put(b"garbage") == garbage
        assert reader.get(garbage) == b"garbage"


async def test_nothing_is_lost_while_runs_go_on_in_other_processes(lab: Laboratory) -> None:
    await lab.run(task("a"))
    processes = [start_runs(lab.home, 4) for _ in range(2)]
    collections = 0
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        while any(process.poll() is None for process in processes):
            put(lab.home, b"garbage %d" % collections * 50)
            collect(lab.home, grace_s=NO_GRACE_S)
            collections += 1
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    assert collections > 3
    assert_clean(lab.home)
    collect(lab.home)
    assert_clean(lab.home)
