"""`deskswarm snapshot` and `deskswarm pool`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandboxes.home import snapshots_folder
from sandboxes.snapshot import Origin, Snapshot, SnapshotStore
from sandboxes.spec import DesktopSpec
from tests.runner.cli.command import Command


@pytest.fixture
def deskswarm(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def saved(deskswarm: Command) -> Snapshot:
    store = SnapshotStore(snapshots_folder(deskswarm.home))
    spec = DesktopSpec(image="slim")
    origin = Origin(backend="bubblewrap", kind="home", image_key="a" * 64, versions={}, spec=spec)
    with store.draft() as draft:
        (draft / "private.tar").write_bytes(bytes(2048))
        return store.add(draft, origin, "be\x1bfore")


def test_from_one_home_to_another(deskswarm: Command, saved: Snapshot, tmp_path: Path) -> None:
    header, row = deskswarm("snapshot", "ls").stdout.splitlines()
    assert header.split() == ["SNAPSHOT", "LABEL", "BACKEND", "HOLDS", "IMAGE", "SIZE", "TAKEN"]
    assert row.split()[:8] == [saved.id[:12], "be", "fore", "bubblewrap", "home", "slim", "2", "KiB"]
    shown = json.loads(deskswarm("snapshot", "show", saved.id[:10]).stdout)
    assert (shown["id"], shown["origin"]["image_key"]) == (saved.id, "a" * 64)
    deskswarm("snapshot", "export", saved.id, "out.tar")
    deskswarm("snapshot", "rm", saved.id)
    assert len(deskswarm("snapshot", "ls").stdout.splitlines()) == 1
    deskswarm("snapshot", "import", "out.tar")
    assert deskswarm("snapshot", "ls").stdout.splitlines()[1] == row


def test_what_is_wrong_is_bad_input(deskswarm: Command, saved: Snapshot) -> None:
    assert "'nonesuch' is the id or label of none" in deskswarm("snapshot", "rm", "nonesuch", code=2).stderr
    assert "cannot be read" in deskswarm("snapshot", "import", "nonesuch", code=2).stderr
    assert "cannot be written" in deskswarm("snapshot", "export", saved.id, "no/such", code=2).stderr
    (deskswarm.folder / "junk").write_bytes(b"junk")
    assert "not an exported snapshot" in deskswarm("snapshot", "import", "junk", code=2).stderr
    (snapshots_folder(deskswarm.home) / saved.id / "private.tar").write_bytes(bytes(2047))
    assert "private.tar is damaged" in deskswarm("snapshot", "export", saved.id, "out", code=2).stderr


def test_an_empty_pool(deskswarm: Command) -> None:
    assert deskswarm("pool").stdout.split() == ["BACKEND", "IMAGE", "OWNER", "WARM", "OLDEST"]
