"""A virtual machine's disk, from an image that is small enough to look at."""

from __future__ import annotations

import datetime
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxes.errors import BackendUnavailable
from sandboxes.image import BuildProgress, Image, ImageStore
from sandboxes.image import disk as disks
from sandboxes.image.process import run_logged
from tests.conftest import lacking

pytestmark = pytest.mark.anyio

FILES = {
    "bin/sudo": (0, 0, 0o4755),
    "etc/passwd": (0, 0, 0o644),
    "etc/shadow": (0, 42, 0o640),
    'etc/a "quoted" name': (7, 8, 0o600),
    "home/user/mine": (1000, 1000, 0o644),
}
FOLDERS = {
    "bin": (0, 0, 0o755),
    "etc": (0, 0, 0o755),
    "home/user": (1000, 1000, 0o755),
    "tmp": (0, 0, 0o1777),
}


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """As a build leaves it: the folder without owners and set-user-id bits, the tar with them."""
    rootfs, tar = tmp_path / "rootfs", tmp_path / "rootfs.tar"
    with tarfile.open(tar, "w") as archive:
        for name, (uid, gid, mode) in (FOLDERS | FILES).items():
            info = tarfile.TarInfo(f"./{name}")
            info.uid, info.gid, info.mode = uid, gid, mode
            info.type = tarfile.DIRTYPE if name in FOLDERS else tarfile.REGTYPE
            info.size = 0 if name in FOLDERS else 4
            archive.addfile(info, io.BytesIO(b"text"))
    rootfs.mkdir()
    command = ["tar", "--extract", "--no-same-owner", "--no-same-permissions", "--file", str(tar)]
    subprocess.run([*command, "--directory", str(rootfs)], check=True, umask=0o022)
    now = datetime.datetime.now(datetime.UTC)
    return Image(name="tiny", key="0" * 64, rootfs=rootfs, tar=tar, size_bytes=1 << 20, built_at=now)


@pytest.fixture
def tools() -> None:
    if packages := disks.missing_packages():
        lacking(f"making a disk needs {' '.join(packages)}")


def inside(raw: Path, path: str) -> tuple[int, int, int]:
    """Owner, group and permissions of a path in the file system."""
    quoted = path.replace('"', '""')
    command = ["debugfs", "-R", f'stat "/{quoted}"', str(raw)]
    path_of_root = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=path_of_root).stdout
    words = text.replace(":", ": ").split()
    user, group, mode = (words[words.index(f"{name}:") + 1] for name in ("User", "Group", "Mode"))
    return int(user), int(group), int(mode, 8)


@pytest.mark.usefixtures("tools")
async def test_the_disk_keeps_owners_and_permissions(image: Image, tmp_path: Path) -> None:
    disk, raw = tmp_path / "disk.qcow2", tmp_path / "disk.raw"
    await disks.make_disk(image, tmp_path, disk, lambda _: None)
    assert not raw.exists()
    await run_logged(["qemu-img", "convert", "-O", "raw", str(disk), str(raw)])
    await run_logged(["/usr/sbin/e2fsck", "-fn", str(raw)])
    assert {name: inside(raw, name) for name in FOLDERS | FILES} == FOLDERS | FILES


@pytest.mark.usefixtures("tools")
async def test_a_disk_is_made_once_and_its_initrd_follows_the_guest(
    home: Path, needs_image: Callable[[str], None]
) -> None:
    needs_image("slim")
    store = ImageStore(home / "images")
    stages: list[BuildProgress] = []
    first = await disks.vm_disk(store.find("slim"), store, stages.append)
    stages.clear()
    assert await disks.vm_disk(store.find("slim"), store, stages.append) == first
    assert stages == []
    assert first.initrd.read_bytes().count(b"guest/machine.py\0") == 1
    assert len(first.digest) == 64


async def test_a_missing_tool_is_named_with_its_package(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "_tool", lambda name: None if name == "debugfs" else name)
    with pytest.raises(BackendUnavailable, match="apt-get install e2fsprogs"):
        await disks.vm_disk(image, ImageStore(tmp_path), lambda _: None)
