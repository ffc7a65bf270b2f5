"""Saved desktops on disk: `SNAPSHOTS/ID/{manifest.json, …}`.

A snapshot's id is the hash of what it holds and of what that fits, so the same state saved twice is one
snapshot. Its files are whatever its backend wrote; nothing here, or anywhere on the host, unpacks them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Annotated

from pydantic import Field, ValidationError

from sandboxes.errors import SnapshotError
from sandboxes.machine import free_disk
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec, Model, Name, SnapshotKind

_MANIFEST = "manifest.json"
_MAX_MANIFEST = 1 << 20
_MAX_FILES = 64
_PIECE = 1 << 20
_SHORTEST_ID = 6

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class SavedFile(Model):
    sha256: Sha256
    bytes: int = Field(ge=0)


class Origin(Model):
    """What a saved state fits: a desktop of the same spec, on the same backend, image and versions."""

    backend: Name
    kind: SnapshotKind = Field(description="what it holds")
    image_key: str = Field(max_length=128)
    versions: dict[str, str] = Field(max_length=32)
    spec: DesktopSpec


class Snapshot(Model):
    """`manifest.json`. `parent` is the snapshot that the desktop itself was restored from."""

    origin: Origin
    files: dict[FileName, SavedFile] = Field(max_length=_MAX_FILES)
    label: str = Field(default="", max_length=200)
    parent: Sha256 | None = None
    taken_at: float

    @property
    def id(self) -> str:
        held = {"origin": self.origin.model_dump(mode="json"), "files": self.model_dump(mode="json")["files"]}
        return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files.values())


class SnapshotStore:
    """The snapshots of one home. What several processes do to it at once leaves it whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty folder, on the store's own disk, for a backend to save to; gone on leaving."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{Owner.current()}-{secrets.token_hex(4)}"
        draft.mkdir(mode=0o700)
        try:
            yield draft
        finally:
            if draft.exists():
                shutil.rmtree(draft)

    def sweep(self) -> None:
        """Remove the drafts of processes that have died."""
        for draft in self._folder.glob(".*:*"):
            if not Owner.parse(draft.name[1:].rpartition("-")[0]).is_alive():
                shutil.rmtree(draft, ignore_errors=True)  # another process may sweep too

    def add(self, draft: Path, origin: Origin, label: str = "", parent: str | None = None) -> Snapshot:
        """Take in what a backend saved. Saved before, it is the same snapshot, with the new label."""
        files = {path.name: _measure(path) for path in sorted(draft.iterdir())}
        snapshot = Snapshot(origin=origin, files=files, label=label, parent=parent, taken_at=time.time())
        known = self._read(self._path(snapshot))
        if known is not None:  # perhaps of a desktop in which nothing was done since it was restored
            snapshot = known.model_copy(update={"label": label})
        self._keep(draft, snapshot)
        return snapshot

    def ls(self) -> list[Snapshot]:
        """All, the oldest first."""
        folders = self._folder.glob("[0-9a-f]*") if self._folder.is_dir() else iter(())
        found = (self._read(folder) for folder in folders)
        return sorted((one for one in found if one), key=lambda one: one.taken_at)

    def find(self, text: str) -> Snapshot:
        """The one whose label this is, or whose id begins so. Raises SnapshotError for none or several."""
        found = [one for one in self.ls() if _names(text, one)]
        if len(found) != 1:
            problem = f"names {len(found)} of them" if found else "is the id or label of none"
            raise SnapshotError(f"snapshot: {text!r} {problem}; `deskswarm snapshot ls` lists them")
        return found[0]

    def rm(self, snapshot: Snapshot) -> None:
        """Remove it. Harmless where another process has, and for a desktop that was restored from it."""
        with self.draft() as trash, suppress(FileNotFoundError):
            self._path(snapshot).rename(trash / "removed")

    def files(self, snapshot: Snapshot) -> Path:
        """The folder with its files, to read. Raises SnapshotError where they are not what was saved."""
        folder = self._path(snapshot)
        for name, saved in snapshot.files.items():
            try:
                whole = _measure(folder / name) == saved
            except OSError:
                whole = False
            if not whole:
                raise SnapshotError(f"snapshot {snapshot.id[:12]}: {name} is damaged or missing; remove it")
        return folder

    def export(self, snapshot: Snapshot, out: Path) -> None:
        """Write it as one file. Raises SnapshotError where it is damaged, OSError."""
        manifest = snapshot.model_dump_json().encode()
        folder = self.files(snapshot)
        with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
            info = tarfile.TarInfo(_MANIFEST)
            info.size = len(manifest)
            tar.addfile(info, BytesIO(manifest))
            for name in snapshot.files:
                tar.add(folder / name, name, filter=_nobody)

    def import_(self, source: Path) -> Snapshot:
        """Take in an exported file, of whatever origin: only what its manifest names, and nothing that is
        not exactly that. Raises SnapshotError, OSError."""
        try:
            with tarfile.open(source, "r:") as tar, self.draft() as draft:
                snapshot = _read_manifest(tar)
                if snapshot.bytes > free_disk(draft):
                    raise SnapshotError(f"{source}: {snapshot.bytes} bytes are more than the disk has free")
                _unpack(tar, snapshot, draft)
                self._keep(draft, snapshot)
                return snapshot
        except (tarfile.TarError, ValidationError, EOFError) as error:
            raise SnapshotError(f"{source}: not an exported snapshot, or a damaged one: {error}") from None

    def _keep(self, draft: Path, snapshot: Snapshot) -> None:
        """A folder of that name is always whole: the rename is the last step."""
        (draft / _MANIFEST).write_text(snapshot.model_dump_json())
        target = self._path(snapshot)
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            (draft / _MANIFEST).rename(target / _MANIFEST)

    def _path(self, snapshot: Snapshot) -> Path:
        return self._folder / snapshot.id

    def _read(self, folder: Path) -> Snapshot | None:
        """None where it is being removed."""
        try:
            return Snapshot.model_validate_json((folder / _MANIFEST).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise SnapshotError(f"{folder / _MANIFEST} is damaged ({problem}); remove the folder") from None


def check_fits(snapshot: Snapshot, here: Origin) -> None:
    """Raises SnapshotError that says what differs between what a snapshot was made with and what is here."""
    name, was = f"snapshot {snapshot.id[:12]}", snapshot.origin
    if was.kind != here.kind:
        raise SnapshotError(f"{name} holds a {was.kind}, and {here.backend} restores a {here.kind}")
    if was.image_key != here.image_key:
        raise SnapshotError(
            f"{name} was made with another build of image {was.spec.image!r} ({was.image_key[:12]}, "
            f"now {here.image_key[:12]}); its files would not fit"
        )
    if was.versions != here.versions:
        raise SnapshotError(f"{name} was made with {_listed(was.versions)}; here is {_listed(here.versions)}")


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or "nothing"


def _names(text: str, snapshot: Snapshot) -> bool:
    by_id = len(text) >= _SHORTEST_ID and snapshot.id.startswith(text)
    return by_id or (bool(text) and snapshot.label == text)


def _measure(path: Path) -> SavedFile:
    """Raises OSError, also for what is not a plain file."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
        return SavedFile(
            sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=os.fstat(file.fileno()).st_size
        )


def _nobody(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what would tell who exported it, and when."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode, info.mtime = 0o600, 0
    return info


def _read_manifest(tar: tarfile.TarFile) -> Snapshot:
    member = tar.next()
    if member is None or member.name != _MANIFEST or not member.isreg() or member.size > _MAX_MANIFEST:
        raise tarfile.TarError("it does not begin with a manifest")
    return Snapshot.model_validate_json(_content(tar, member).read())


def _unpack(tar: tarfile.TarFile, snapshot: Snapshot, folder: Path) -> None:
    """Names come from the manifest, whose names are no paths; the archive only says which is next."""
    missing = dict(snapshot.files)
    while (member := tar.next()) is not None:
        saved = missing.pop(member.name, None)
        if saved is None or not member.isreg() or member.size != saved.bytes:
            raise tarfile.TarError(f"{member.name!r} is not what its manifest says")
        path = folder / member.name
        with path.open("xb") as file:
            shutil.copyfileobj(_content(tar, member), file, _PIECE)
        if _measure(path) != saved:
            raise tarfile.TarError(f"{member.name!r} is damaged")
    if missing:
        raise tarfile.TarError(f"{sorted(missing)[0]!r} is missing")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    assert content is not None
    return content
