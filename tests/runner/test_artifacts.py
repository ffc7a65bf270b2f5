"""The artifact store: what is read is what was put, or an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.artifacts import ArtifactStore, sha256
from sandboxes.errors import InfraError


def test_a_blob_comes_back_and_is_kept_once(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "blobs")
    digest = store.put(b"content")
    assert store.put(b"content") == digest == sha256(b"content")
    assert store.get(digest) == b"content"
    assert ArtifactStore(tmp_path / "blobs").has(digest)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


@given(st.binary(max_size=2000))
def test_any_bytes_come_back(data: bytes) -> None:
    store = ArtifactStore("memory://blobs")
    assert store.get(store.put(data)) == data


def test_damage_and_loss_are_told(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    digest = store.put(b"content")
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    file.write_bytes(b"contenu")
    with pytest.raises(InfraError, match="damaged"):
        store.get(digest)
    file.unlink()
    assert not store.has(digest)
    with pytest.raises(InfraError, match="missing"):
        store.get(digest)


def test_what_could_not_be_written_whole_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError("no space left on device")

    store = ArtifactStore(tmp_path)
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(InfraError, match="no space"):
        store.put(b"content")
    assert not store.has(sha256(b"content"))
