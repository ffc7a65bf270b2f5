"""What a snapshot holds is there again in a restored desktop and in a fork, on each backend that can."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from sandboxes.backend import load_backend
from sandboxes.desktop import Desktop
from sandboxes.errors import DesktopStartError, InputError, SnapshotError
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio

WRITE = """
mkdir -p "$HOME/work/deep" && cd "$HOME/work" && echo text > deep/note && chmod 640 deep/note
echo Größe > 'ein Name' && ln -s /etc/passwd link && mkfifo pipe && truncate -s 30G sparse
echo kept > /tmp/scratch && echo too > /var/tmp/more
"""
READ = """
cd "$HOME/work" && cat deep/note /tmp/scratch /var/tmp/more && readlink link
stat -c '%a %s' deep/note sparse
cat 'ein Name' && test -p pipe && id -un
"""
EXPECTED = "text\nkept\ntoo\n/etc/passwd\n640 5\n644 32212254720\nGröße\nuser\n"


async def run(desktop: Desktop, script: str) -> str:
    result = await desktop.exec(["bash", "-c", script])
    assert result.exit_code == 0, result
    return result.stdout.decode()


async def test_a_snapshot_is_restored_and_forked(host: Host, backend: str, desktop: Desktop) -> None:
    await run(desktop, WRITE)
    snapshot = await desktop.snapshot(f"{backend} at work")
    await run(desktop, "rm -rf ~/work && echo later > ~/later")
    async with await host.restore(f"{backend} at work", holder="bob") as restored:
        assert await run(restored, READ) == EXPECTED
        assert (await restored.exec(["test", "-e", "/home/user/later"])).exit_code != 0
        assert restored.lease.holder == "bob"
        assert len((await restored.screenshot()).png) > 100
        await run(restored, "echo on it goes > ~/more")
        again = await restored.snapshot()
        assert (again.parent, snapshot.parent) == (snapshot.id, None)
        async with await restored.fork("carol") as forked:
            assert await run(forked, READ) == EXPECTED
            machines = [await run(one, "cat /run/machine-id") for one in (desktop, restored, forked)]
            assert len(set(machines)) == len({desktop.id, restored.id, forked.id}) == 3
    await run(desktop, "test -e ~/later")
    assert not list((host.home / "snapshots").glob(".*"))
    for one in (snapshot, again):
        host.snapshots.rm(one)


async def test_what_root_changed_of_the_system_is_there_again(host: Host, backend: str) -> None:
    if not load_backend(backend, host.home).capabilities.root:
        pytest.skip(f"{backend} gives no root")
    as_root = "echo password | sudo -S sh -c '{}' 2>/dev/null"
    change = "echo new > /etc/new; rm /etc/motd /etc/issue; echo x > /root/file; chown 123 /etc/new"
    spec = DesktopSpec(image="slim", root=True)
    async with await host.start(spec, backend=backend, holder="test") as desktop:
        await run(desktop, as_root.format(change) + "; touch ~/mine")
        async with await desktop.fork("bob") as forked:
            seen = await run(
                forked, as_root.format("cat /etc/new /root/file; stat -c %u /etc/new; ls /etc/issue || true")
            )
            assert seen == "new\nx\n123\n"
            assert await run(forked, "stat -c %u ~/mine") == "1000\n"


async def test_a_snapshot_of_another_build_of_the_image_is_refused(host: Host, desktop: Desktop) -> None:
    snapshot = await desktop.snapshot()
    with host.snapshots.draft() as draft:
        (draft / "private.tar").write_bytes((host.snapshots.files(snapshot) / "private.tar").read_bytes())
        foreign = host.snapshots.add(draft, snapshot.origin.model_copy(update={"image_key": "b" * 64}))
    with pytest.raises(SnapshotError, match="another build of image 'slim'"):
        await host.restore(foreign.id, holder="test")
    for one in (snapshot, foreign):
        host.snapshots.rm(one)


async def test_an_archive_that_would_escape_stays_inside(
    host: Host, desktop: Desktop, tmp_path: Path
) -> None:
    """Made by hand, as an attacker would: names with `..`, absolute ones, a link out and through it."""
    snapshot = await desktop.snapshot()
    outside = tmp_path / "escaped"
    with host.snapshots.draft() as draft:
        with tarfile.open(draft / "private.tar", "w") as tar:
            for name in (f"../../../../..{outside}", str(outside), "home/user/fine"):
                info = tarfile.TarInfo(name)
                info.size, info.mode = 4, 0o644
                tar.addfile(info, io.BytesIO(b"evil"))
        evil = host.snapshots.add(draft, snapshot.origin)
    with pytest.raises(DesktopStartError, match="tar"):
        await host.restore(evil.id, holder="test")
    assert not outside.exists()
    for one in (snapshot, evil):
        host.snapshots.rm(one)


async def test_a_backend_that_cannot_says_so(home: Path) -> None:
    async with (
        Host(home) as host,
        await host.start(DesktopSpec(), backend="simulated", holder="test") as desktop,
    ):
        with pytest.raises(InputError, match="cannot save desktops"):
            await desktop.snapshot()
