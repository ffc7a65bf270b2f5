"""The store of saved desktops: content-addressed, whole, and deaf to what an imported file pretends."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandboxes import archive
from sandboxes.errors import SnapshotError
from sandboxes.snapshot import Origin, Snapshot, SnapshotStore, check_fits
from sandboxes.spec import DesktopSpec

HERE = Origin(
    backend="bubblewrap", kind="home", image_key="a" * 64, versions={"archive": "1"}, spec=DesktopSpec()
)


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "snapshots")


def save(store: SnapshotStore, content: bytes = b"some state", label: str = "") -> Snapshot:
    with store.draft() as draft:
        (draft / "state").write_bytes(content)
        return store.add(draft, HERE, label)


def test_the_same_state_is_one_snapshot_with_the_newest_label(store: SnapshotStore) -> None:
    first, again, other = save(store, label="one"), save(store, label="two"), save(store, b"other")
    assert first.id == again.id != other.id
    assert [found.label for found in store.ls()] == ["two", ""]
    assert store.find("two").id == store.find(first.id[:8]).id == first.id
    assert (store.files(first) / "state").read_bytes() == b"some state"
    with store.draft() as draft:
        (draft / "state").write_bytes(b"some state")
        restored = store.add(draft, HERE, "three", parent=first.id)
    assert (restored.id, restored.parent, restored.taken_at) == (first.id, None, first.taken_at)


def test_removing_what_another_process_removed_is_harmless(store: SnapshotStore) -> None:
    saved = save(store)
    store.rm(saved)
    store.rm(saved)
    assert store.ls() == []


def test_what_is_not_there_or_not_clear_is_refused(store: SnapshotStore) -> None:
    save(store, b"1", "same"), save(store, b"2", "same")
    with pytest.raises(SnapshotError, match="names 2 of them"):
        store.find("same")
    for text in ("", "no-such", "../..", "abc"):
        with pytest.raises(SnapshotError, match="none"):
            store.find(text)


def test_removed_is_gone(store: SnapshotStore, tmp_path: Path) -> None:
    store.rm(save(store))
    assert store.ls() == []
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_a_damaged_one_is_not_restored(store: SnapshotStore, tmp_path: Path) -> None:
    snapshot = save(store)
    state = store.files(snapshot) / "state"
    state.write_bytes(b"some stata")
    with pytest.raises(SnapshotError, match="state is damaged or missing"):
        store.files(snapshot)
    state.unlink()
    state.symlink_to(tmp_path)
    with pytest.raises(SnapshotError, match="state is damaged or missing"):
        store.files(snapshot)


def test_a_draft_of_a_process_that_died_is_swept_away(store: SnapshotStore, tmp_path: Path) -> None:
    save(store)
    with store.draft() as living:
        dead = living.with_name(f".1:1:{'0' * 8}-aaaaaaaa")
        dead.mkdir()
        store.sweep()
        assert living.exists()
        assert not dead.exists()
    assert len(store.ls()) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_key": "b" * 64}, "another build of image 'desktop'"),
        ({"versions": {"archive": "2"}}, "archive 1; here is archive 2"),
        ({"kind": "filesystem"}, "holds a home"),
    ],
)
def test_what_does_not_fit_is_refused_and_said(
    store: SnapshotStore, change: dict[str, object], words: str
) -> None:
    snapshot = save(store)
    check_fits(snapshot, HERE)
    with pytest.raises(SnapshotError, match=words):
        check_fits(snapshot, HERE.model_copy(update=change))


# --- from one machine to another --------------------------------------------------------------------


def test_an_exported_snapshot_is_the_same_elsewhere(store: SnapshotStore, tmp_path: Path) -> None:
    snapshot, elsewhere = save(store, b"x" * 100_000, "work"), SnapshotStore(tmp_path / "elsewhere")
    store.export(snapshot, tmp_path / "file")
    assert elsewhere.import_(tmp_path / "file") == snapshot
    assert (elsewhere.files(snapshot) / "state").read_bytes() == b"x" * 100_000
    assert elsewhere.import_(tmp_path / "file").id == snapshot.id
    assert len(elsewhere.ls()) == 1


def member(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    return info, content


def manifest(store: SnapshotStore, **change: object) -> tuple[tarfile.TarInfo, bytes]:
    held = save(store).model_dump(mode="json") | change
    return member("manifest.json", json.dumps(held).encode())


STATE = member("state", b"some state")


@pytest.mark.parametrize(
    "members",
    [
        [],
        [STATE],
        [None],
        [None, STATE, member("../escaped", b"x")],
        [None, STATE, member("/tmp/escaped", b"x")],
        [None, member("state", b"some stata")],
        [None, member("state", b"some state and more")],
        [None, member("state", kind=tarfile.SYMTYPE, link="/etc/passwd")],
        [None, member("state", kind=tarfile.LNKTYPE, link="manifest.json")],
        [None, member("state", kind=tarfile.CHRTYPE)],
        [None, STATE, STATE],
        [member("manifest.json", b"{}"), STATE],
        [member("manifest.json", b"[" * 5000), STATE],
    ],
)
def test_what_is_not_an_exported_snapshot_is_refused_and_leaves_nothing(
    store: SnapshotStore, tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes] | None]
) -> None:
    good, elsewhere = manifest(store), SnapshotStore(tmp_path / "elsewhere")
    with tarfile.open(tmp_path / "file", "w") as tar:
        for info, content in (one or good for one in members):
            tar.addfile(info, io.BytesIO(content))
    with pytest.raises(SnapshotError, match="not an exported snapshot, or a damaged one"):
        elsewhere.import_(tmp_path / "file")
    assert list((tmp_path / "elsewhere").glob("*")) == []
    assert not (tmp_path / "escaped").exists()
    assert not Path("/tmp/escaped").exists()


@pytest.mark.parametrize("name", ["../x", "/x", ".hidden", "a/b", "", "x" * 101])
def test_a_manifest_names_no_paths(store: SnapshotStore, tmp_path: Path, name: str) -> None:
    files = {name: {"sha256": "0" * 64, "bytes": 0}}
    with tarfile.open(tmp_path / "file", "w") as tar:
        info, content = manifest(store, files=files)
        tar.addfile(info, io.BytesIO(content))
    with pytest.raises(SnapshotError):
        SnapshotStore(tmp_path / "elsewhere").import_(tmp_path / "file")


def test_a_cut_file_is_refused(store: SnapshotStore, tmp_path: Path) -> None:
    store.export(save(store, os.urandom(50_000)), tmp_path / "file")
    (tmp_path / "cut").write_bytes((tmp_path / "file").read_bytes()[:30_000])
    with pytest.raises(SnapshotError):
        SnapshotStore(tmp_path / "elsewhere").import_(tmp_path / "cut")


# --- what a desktop sends -----------------------------------------------------------------------------


@pytest.mark.anyio
async def test_more_than_a_snapshot_may_hold_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1000)

    monkeypatch.setattr(archive, "_MAX_BYTES", 10_000)
    with pytest.raises(SnapshotError, match="more than a snapshot may hold"):
        await archive.store(endless(), tmp_path / "state")
    assert (tmp_path / "state").stat().st_size <= 10_000
