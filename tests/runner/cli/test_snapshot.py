"""`deskswarm snapshot` and `deskswarm pool`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from runner.cli.pool import list_warm
from sandboxes.deadline import Pace
from sandboxes.home import VARIABLE, snapshots_folder
from sandboxes.host import Host
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


@pytest.mark.anyio
async def test_a_pool_has_a_row_for_its_process_and_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    spec, pace = DesktopSpec(image="slim"), Pace()
    async with Host(tmp_path) as host:
        host.warm(spec, 2, backend="simulated")
        with anyio.fail_after(60):
            while host.warm_ready(spec, backend="simulated") < 2:
                await pace.wait()
        await host.start(DesktopSpec(image="desktop"), backend="simulated", holder="alice")
        await to_thread.run_sync(list_warm)
    [_, row] = capsys.readouterr().out.splitlines()
    assert row.split()[:4] == ["simulated", "slim", str(os.getpid()), "2"]
