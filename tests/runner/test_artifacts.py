"""The artifact store: what is read is what was put, or an error; and no crash takes what was kept."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.artifacts import ArtifactStore, Series, sha256
from runner.encoding import compress, decode_delta, decompress, encode_delta
from runner.fsck import check
from runner.packs import Gap, PackRecord, scan
from sandboxes.errors import InfraError

WRITER = """
import sys
from pathlib import Path
from runner.artifacts import ArtifactStore, Series
store, series, step = ArtifactStore(Path(sys.argv[1])), Series(), 0
while True:
    step += 1
    with store.batch() as batch:
        whole = batch.put(b"%d " % step * 5000)
        lines = [b"line %d\\n" % (step if line == 7 else line) for line in range(200)]
        changed = series.put(batch, b"".join(lines))
    print(whole, changed, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArtifactStore]:
    with closing(ArtifactStore(tmp_path / "blobs")) as store:
        yield store


def only_pack(store: ArtifactStore) -> Path:
    [pack] = store.packs.iterdir()
    return pack


def test_an_object_comes_back_and_is_kept_once(store: ArtifactStore) -> None:
    digest = store.put(b"content")
    size = only_pack(store).stat().st_size
    assert store.put(b"content") == digest == sha256(b"content")
    assert store.get(digest) == b"content"
    with closing(ArtifactStore(store.folder)) as other:
        assert other.has(digest)
        assert other.put(b"content") == digest
    assert only_pack(store).stat().st_size == size


@given(st.binary(max_size=2000))
def test_any_bytes_come_back(data: bytes) -> None:
    assert decompress(compress(data)) == data


@given(st.lists(st.sampled_from([b"a\n", b"b\n", b"long line\n", b"\r", b"", b"x"])), st.data())
def test_any_difference_comes_back(old: list[bytes], data: st.DataObject) -> None:
    new = data.draw(st.permutations(old)) + data.draw(st.lists(st.binary(max_size=9)))
    before, after = b"".join(old), b"".join(new)
    assert decode_delta(before, encode_delta(before, after)) == after


def test_a_small_change_costs_little(store: ArtifactStore) -> None:
    rng = random.Random(1)
    lines = [rng.randbytes(32).hex() for _ in range(500)]
    series, digests, contents = Series(), [], []
    for step in range(50):
        lines[step] = rng.randbytes(32).hex()
        contents.append("\n".join(lines).encode())
        with store.batch() as batch:
            digests.append(series.put(batch, contents[-1]))
    assert [store.get(digest) for digest in digests] == contents
    assert only_pack(store).stat().st_size < 50 * 200 + 4 * len(compress(contents[0]))


def test_damage_and_loss_are_told(store: ArtifactStore) -> None:
    digest = store.put(b"content")
    pack = only_pack(store)
    whole = pack.read_bytes()
    pack.write_bytes(whole.replace(b"content", b"contenu"))
    with pytest.raises(InfraError, match="damaged"):
        store.get(digest)
    store.close()
    pack.unlink()
    assert not store.has(digest)
    with pytest.raises(InfraError, match="missing"):
        store.get(digest)


def test_what_could_not_be_written_whole_is_not_there(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", fail)
        with pytest.raises(InfraError, match="no space"):
            store.put(b"content")
    assert store.get(store.put(b"other")) == b"other"
    assert check(store, None).clean


def test_the_catalog_is_made_anew_where_it_is_lost(store: ArtifactStore) -> None:
    digests = [store.put(bytes([value])) for value in range(20)]
    store.close()
    for file in store.folder.glob("catalog.db*"):
        file.write_bytes(b"nonsense" * 1000)
    assert [store.get(digest) for digest in digests] == [bytes([value]) for value in range(20)]


def test_a_pack_cut_off_at_any_byte_keeps_what_is_before(store: ArtifactStore, tmp_path: Path) -> None:
    first, last = store.put(b"first" * 40), store.put(b"last" * 30)
    store.close()
    pack = only_pack(store)
    whole = pack.read_bytes()
    *_, record = scan(pack)
    assert isinstance(record, PackRecord)
    for length in range(record.offset, len(whole)):
        folder = tmp_path / f"cut{length}"
        (folder / "packs").mkdir(parents=True)
        (folder / "packs" / pack.name).write_bytes(whole[:length])
        with closing(ArtifactStore(folder)) as cut:
            assert cut.get(first) == b"first" * 40
            assert not cut.has(last)
            health = check(cut, None)
            assert (health.clean, health.torn_bytes) == (True, length - record.offset)
            assert cut.put(b"last" * 30) == last
            assert cut.get(last) == b"last" * 30


def test_a_pack_that_grew_in_a_power_cut_is_passed_over(store: ArtifactStore) -> None:
    digest = store.put(b"content")
    store.close()
    with only_pack(store).open("ab") as pack:
        pack.write(bytes(300))
    assert store.get(digest) == b"content"
    health = check(store, None)
    assert (health.clean, health.torn_bytes) == (True, 300)


@settings(max_examples=5, deadline=None)
@given(st.integers(min_value=1, max_value=60))
def test_a_writer_killed_at_any_moment_loses_nothing_it_said_it_kept(
    tmp_path_factory: pytest.TempPathFactory, steps: int
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        said = [next(writer.stdout) for _ in range(steps)]
        os.kill(writer.pid, signal.SIGKILL)
        said += writer.stdout.read().splitlines(keepends=True)
    with closing(ArtifactStore(folder)) as store:
        for number, line in enumerate((line for line in said if line.endswith("\n")), 1):
            whole, changed = line.split()
            assert store.get(whole) == b"%d " % number * 5000
            assert store.get(changed).splitlines()[7] == b"line %d" % number
        assert check(store, None).clean


def test_a_record_behind_a_damaged_one_is_still_found(store: ArtifactStore) -> None:
    digests = [store.put(bytes([value]) * 50) for value in range(3)]
    store.close()
    pack = only_pack(store)
    _, middle, _ = scan(pack)
    assert isinstance(middle, PackRecord)
    for offset in range(middle.offset, middle.end):
        whole = bytearray(pack.read_bytes())
        whole[offset] ^= 0x20
        damaged = pack.with_name("damaged")
        damaged.write_bytes(whole)
        first, gap, last = scan(damaged)
        assert isinstance(gap, Gap)
        assert not gap.torn
        assert isinstance(first, PackRecord)
        assert isinstance(last, PackRecord)
        assert [first.digest.hex(), last.digest.hex()] == [digests[0], digests[2]]
