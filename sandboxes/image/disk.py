"""What a virtual machine boots: a disk made from an image, a kernel and an initrd.

They are beside the image, in `vm/`, and go with it; the kernel is as new as the disk. No root is needed, and
nothing is mounted.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, ValidationError

from sandboxes.errors import BackendUnavailable, ImageBuildError
from sandboxes.filelock import only_one
from sandboxes.image.build import BuildProgress, OnProgress
from sandboxes.image.initrd import own_part, system_part
from sandboxes.image.kernel import fetch_kernel
from sandboxes.image.process import run_logged
from sandboxes.image.store import Image, ImageStore

_SCRATCH = "_vm"  # no image can be called that
_FREE_BYTES = 4 << 30
_FEATURES = "^has_journal,^metadata_csum,^resize_inode"  # of use to a disk that lives on
_NOT_UNPACKED = 0o7022  # the bits of a mode that unpacking leaves out, see `build`
_DIGEST_CHARACTERS = 12
_PACKAGES = {
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
}


class VmDisk(BaseModel):
    """Files that never change. `disk` is a qcow2 that holds an ext4 file system, the machine's root.

    `digest` is the disk's SHA-256, in hexadecimal: a machine's saved memory goes with no other disk.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    disk: Path
    kernel: Path
    initrd: Path
    digest: str


class _Record(BaseModel):
    """`vm.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str


async def vm_disk(image: Image, store: ImageStore, on_progress: OnProgress) -> VmDisk:
    """The image's disk, made now unless it already is; the initrd has the guest of this installation.

    Raises BackendUnavailable where a tool is missing, ImageNotFound, ImageBuildError.
    """
    folder = image.rootfs.parent / "vm"
    record = _read(folder)
    if record is None:
        async with only_one(store.root / f".{_SCRATCH}.lock"):
            record = _read(folder) or await _make(image, store, folder, on_progress)
    initrd = await run_sync(_initrd, folder)
    return VmDisk(disk=folder / "disk.qcow2", kernel=folder / "kernel", initrd=initrd, digest=record.digest)


def missing_packages() -> list[str]:
    """The Debian packages that this machine lacks for making a disk and booting it."""
    return sorted({package for tool, package in _PACKAGES.items() if _tool(tool) is None})


async def _make(image: Image, store: ImageStore, folder: Path, on_progress: OnProgress) -> _Record:
    if packages := " ".join(missing_packages()):
        raise BackendUnavailable(f"virtual machines need {packages}: run `apt-get install {packages}`")
    store.sweep(_SCRATCH)
    with store.scratch(_SCRATCH) as scratch:
        made = scratch / "made"
        made.mkdir()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_make_kernel, store.recipe(image.name).suite, scratch, made)
            await make_disk(image, scratch, made / "disk.qcow2", on_progress)
            on_progress(BuildProgress(stage="fetching the kernel", fraction=0.7))
        on_progress(BuildProgress(stage="writing to disk", fraction=0.9))
        record = _Record(digest=await run_sync(_digest, made / "disk.qcow2"))
        (made / "vm.json").write_text(record.model_dump_json())
        await run_sync(os.sync)
        made.rename(folder)
    on_progress(BuildProgress(stage="made", fraction=1.0))
    return record


async def _make_kernel(suite: str, scratch: Path, made: Path) -> None:
    unpacked = scratch / "kernel"
    unpacked.mkdir()
    kernel = await fetch_kernel(suite, platform.machine(), unpacked)
    kernel.kernel.rename(made / "kernel")
    (made / "system.cpio").write_bytes(system_part(kernel))


async def make_disk(image: Image, scratch: Path, disk: Path, on_progress: OnProgress) -> None:
    """Write the image's disk, a qcow2. Raises ImageBuildError."""
    raw = scratch / "disk.raw"
    size = image.size_bytes + image.size_bytes // 8 + _FREE_BYTES
    on_progress(BuildProgress(stage="making the file system", fraction=0.0))
    await run_logged(
        [
            *_as_owner(),
            *(_required("mke2fs"), "-q", "-F", "-t", "ext4", "-L", "deskswarm", "-m", "0", "-O", _FEATURES),
            *("-E", "lazy_itable_init=1", "-d", str(image.rootfs), str(raw), f"{size >> 10}k"),
        ]
    )
    on_progress(BuildProgress(stage="setting owners", fraction=0.4))
    await _set_owners(image.tar, raw, scratch / "owners")
    on_progress(BuildProgress(stage="packing the disk", fraction=0.5))
    # The raw file is gone before most of it is written to the host's disk.
    await run_logged(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(disk)])
    raw.unlink()


def _as_owner() -> list[str]:
    """How a plain user makes files that belong to root: in a user namespace, where his own do."""
    return [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


async def _set_owners(tar: Path, raw: Path, script: Path) -> None:
    """What unpacking the tar as a plain user has lost: owners other than root, set-user-id bits and such."""
    script.write_text(await run_sync(lambda: "".join(_changes(tar))))
    failures: list[str] = []

    def take(line: str) -> None:
        if line and not line.startswith("debugfs"):
            failures.append(line)

    await run_logged([_required("debugfs"), "-w", "-f", str(script), str(raw)], take)
    if failures:
        raise ImageBuildError(f"debugfs did not set every owner: {failures[0]}")


def _changes(tar: Path) -> Iterator[str]:
    """Commands for debugfs, a line each."""
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            if not (member.isfile() or member.isdir()):
                continue
            path = '"/' + member.name.removeprefix("./").replace('"', '""') + '"'
            kind = 0o040000 if member.isdir() else 0o100000
            if member.mode & _NOT_UNPACKED:
                yield f"set_inode_field {path} mode 0{kind | member.mode:o}\n"
            if member.uid:
                yield f"set_inode_field {path} uid {member.uid}\n"
            if member.gid:
                yield f"set_inode_field {path} gid {member.gid}\n"


def _initrd(folder: Path) -> Path:
    """One for each version of the guest's code, by its hash."""
    data = (folder / "system.cpio").read_bytes() + own_part()
    path = folder / f"initrd-{hashlib.sha256(data).hexdigest()[:_DIGEST_CHARACTERS]}"
    if not path.exists():
        draft = path.with_name(f".{path.name}-{os.getpid()}")
        draft.write_bytes(data)
        draft.rename(path)
    return path


def _read(folder: Path) -> _Record | None:
    try:
        return _Record.model_validate_json((folder / "vm.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tool(name: str) -> str | None:
    """Debian keeps some tools where a plain user's path does not lead."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _required(name: str) -> str:
    return _tool(name) or name
