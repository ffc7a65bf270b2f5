"""The folder that holds what QEMU opens: disks, saved memory, and a folder for each running machine.

It is apart from the home because libvirt's system daemon runs each machine as a host user of no rights, who
may not enter root's own folders. Homes share it: what is kept in it is named by its content.

    STAGE/disks/DIGEST/            an image's disk, kernel and initrd
    STAGE/templates/KEY/           a booted desktop, saved (sandboxes.vm.template)
    STAGE/run/HOME-ID/DESKTOP-ID/  one folder per running machine; nothing else of it is left on the host
    STAGE/kvm.json                 whether KVM runs a guest here (sandboxes.vm.probe)
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from sandboxes.home import find_home_id, home_id, images_folder
from sandboxes.image.disk import VmDisk
from sandboxes.vm.hypervisor import User
from sandboxes.vm.record import read_record

_ROOTS_STAGE = Path("/var/lib/deskswarm")
_PASSABLE = 0o711
_DIGEST_CHARACTERS = 16
_UNKNOWN_SECONDS = 60


class Stage:
    def __init__(self, home: Path) -> None:
        self._home = home
        self.root = _ROOTS_STAGE if os.geteuid() == 0 else images_folder(home).resolve().with_name("vm")

    @property
    def kvm_verdict(self) -> Path:
        return self.root / "kvm.json"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def disks(self) -> Path:
        return self.root / "disks"

    @property
    def runs(self) -> Path:
        """The folders of this home's running machines; there is no such folder before the first starts."""
        return self.root / "run" / (find_home_id(self._home) or "none")

    def make_run(self, desktop_id: str) -> Path:
        """The folder of a machine that is to start. Raises OSError."""
        home_id(self._home)
        for parent in (self.root, self.root / "run", self.runs):
            passable(parent)
        folder = self.runs / desktop_id
        folder.mkdir(mode=_PASSABLE)
        return folder

    def sweep_runs(self) -> None:
        """Remove the folders without a record, but those that may just be about to get one."""
        for folder in self.runs.glob("*"):
            if read_record(folder) is None and _age(folder) > _UNKNOWN_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def put_disk(self, disk: VmDisk) -> VmDisk:
        """The same files where QEMU can open them. Raises OSError."""
        for parent in (self.root, self.disks, self.templates):
            passable(parent)
        folder = passable(self.disks / disk.digest[:_DIGEST_CHARACTERS])
        put = {name: _put(getattr(disk, name), folder) for name in ("disk", "kernel", "initrd")}
        return disk.model_copy(update=put)


def _age(folder: Path) -> float:
    """In seconds; none for what is gone meanwhile."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0


def passable(folder: Path) -> Path:
    """A folder that others may pass through, and not list."""
    folder.mkdir(parents=True, mode=_PASSABLE, exist_ok=True)
    return folder


def _put(source: Path, folder: Path) -> Path:
    """Another name of a file that never changes, or a copy of it on another file system."""
    target = folder / source.name
    if not target.exists():
        draft = folder / f".{source.name}-{os.getpid()}"
        draft.unlink(missing_ok=True)
        try:
            os.link(source, draft)
        except OSError:
            shutil.copyfile(source, draft)
        draft.chmod(0o644)
        draft.rename(target)
    return target


def empty_file(path: Path, size: int, user: User | None) -> Path:
    """A new file of so many zeros, for one machine's QEMU to write to. Raises OSError."""
    with path.open("xb") as file:
        file.truncate(size)
    if user:
        user.give(path)
    return path
