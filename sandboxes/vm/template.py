"""Templates: a desktop booted once for an image, a screen and its limits, and saved; all others are copies.

A folder of a template is always whole: making one fills another folder and renames it as its last step. What
is in it never changes. But QEMU before 8.2 opens the memory file for writing, though it never writes to it,
and a program that broke out of a machine could spoil the file for later copies. So the file's time of change,
which only its owner could set back, is part of what makes a template whole.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sandboxes.spec import Model

_RECORD = "template.json"
_KEPT_SECONDS = 7 * 86_400


class _TemplateRecord(Model):
    disk: Path
    memory_changed_ns: int


@dataclass(frozen=True, slots=True)
class Template:
    folder: Path

    @property
    def memory(self) -> Path:
        return self.folder / "memory"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def disk(self) -> Path:
        """What was written to the image's disk by then; only where desktops may."""
        return self.folder / "disk.qcow2"

    def keep(self, made: Path, disk: Path) -> None:
        """Take in a folder that holds all but the record; `disk` is the image's. Raises OSError."""
        changed = (made / self.memory.name).stat().st_mtime_ns
        record = _TemplateRecord(disk=disk, memory_changed_ns=changed)
        (made / _RECORD).write_text(record.model_dump_json())
        shutil.rmtree(self.folder, ignore_errors=True)
        made.rename(self.folder)

    def is_whole(self) -> bool:
        record = _read(self.folder)
        return record is not None and self.memory.stat().st_mtime_ns == record.memory_changed_ns

    def used(self) -> None:
        os.utime(self.folder / _RECORD)


def sweep(templates: Path, disks: Path, in_use: Collection[str]) -> None:
    """Remove the templates that nobody has used for a week, and the disks that no template has."""
    kept: set[Path] = set()
    for folder in _folders(templates):
        record = _read(folder)
        if record is None:
            continue
        if folder.name not in in_use and time.time() - (folder / _RECORD).stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            kept.add(record.disk.parent)
    for folder in _folders(disks):
        if folder not in kept and time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _folders(parent: Path) -> Iterator[Path]:
    yield from (folder for folder in parent.glob("[0-9a-f]*") if folder.is_dir())


def _read(folder: Path) -> _TemplateRecord | None:
    try:
        return _TemplateRecord.model_validate_json((folder / _RECORD).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
