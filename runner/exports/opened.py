"""An archive of a run, opened to be read. Whoever made it is not trusted: nothing of it is unpacked to a
path, and every size is bounded before a byte is read."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.artifacts import Sha256, sha256
from runner.events import Event
from runner.exports.archive import EVENTS, MANIFEST, OBJECTS, VERSION, Manifest
from sandboxes.errors import InputError
from sandboxes.spec import Model
from sandboxes.wire import first_error

MAX_MEMBERS = 2_000_000
MAX_MANIFEST_BYTES = 1 << 16
MAX_EVENTS_BYTES = 256 << 20
MAX_OBJECT_BYTES = 256 << 20
MAX_BYTES = 32 << 30

_IS_OBJECT = re.compile(f"{OBJECTS}[0-9a-f]{{64}}").fullmatch
_ENCRYPTED = 0x1
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Happened(Model):
    """A line of `events.jsonl`."""

    at: float = Field(allow_inf_nan=False)
    event: Event


class _AnyVersion(BaseModel):
    model_config = ConfigDict(extra="allow")

    format: str
    version: int


class OpenedArchive:
    """Use it as a context manager. Raises InputError for a file that is not what it should be."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise self.wrong(f"no zip file, or a damaged one: {error}") from None
        try:
            self._members = self._checked_members()
            self.manifest = self._read_manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def objects(self) -> set[Sha256]:
        """The names of all objects it holds."""
        return {name.removeprefix(OBJECTS) for name in self._members if name.startswith(OBJECTS)}

    def events(self) -> Iterator[Happened]:
        for number, line in enumerate(BytesIO(self._read(EVENTS)), 1):
            try:
                yield Happened.model_validate_json(line)
            except ValidationError as error:
                raise self.wrong(f"line {number} of {EVENTS}: {first_error(error)}") from None

    def object(self, digest: Sha256) -> bytes:
        """Its bytes, verified."""
        if OBJECTS + digest not in self._members:
            raise self.wrong(f"its events name object {digest}, which it does not hold")
        data = self._read(OBJECTS + digest)
        if sha256(data) != digest:
            raise self.wrong(f"object {digest} has another hash")
        return data

    def wrong(self, what: str) -> InputError:
        return InputError(f"{self._path}: {what}")

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        if len(self._zip.infolist()) > MAX_MEMBERS:
            raise self.wrong(f"it holds more than {MAX_MEMBERS} files")
        for info in self._zip.infolist():
            if info.filename in members:
                raise self.wrong(f"it holds {info.filename!r} twice")
            self._check(info)
            members[info.filename] = info
        total = sum(info.file_size for info in members.values())
        if total > MAX_BYTES:
            raise self.wrong(f"it unpacks to {total} bytes; at most {MAX_BYTES} are taken")
        for name in (MANIFEST, EVENTS):
            if name not in members:
                raise self.wrong(f"no exported run: it has no {name}")
        return members

    def _check(self, info: zipfile.ZipInfo) -> None:
        limits = {MANIFEST: MAX_MANIFEST_BYTES, EVENTS: MAX_EVENTS_BYTES}
        if info.filename not in limits and not _IS_OBJECT(info.filename):
            raise self.wrong(f"it holds {info.filename[:100]!r}, which is no part of an exported run")
        limit = limits.get(info.filename, MAX_OBJECT_BYTES)
        if info.file_size > limit:
            raise self.wrong(f"{info.filename} unpacks to {info.file_size} bytes; at most {limit} are taken")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _COMPRESSIONS:
            raise self.wrong(f"{info.filename} is encrypted, or compressed in a way that is not known")

    def _read_manifest(self) -> Manifest:
        data = self._read(MANIFEST)
        try:
            said = _AnyVersion.model_validate_json(data)
            if said.format == "deskswarm run" and said.version > VERSION:
                raise self.wrong(f"it is of version {said.version}; update deskswarm")
            return Manifest.model_validate_json(data)
        except ValidationError as error:
            raise self.wrong(f"{MANIFEST}: {first_error(error)}") from None

    def _read(self, name: str) -> bytes:
        """At most what the file says that it unpacks to."""
        info = self._members[name]
        try:
            with self._zip.open(info) as member:
                data = member.read(info.file_size)
                whole = len(data) == info.file_size and not member.read(1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise self.wrong(f"{name} is damaged: {error}") from None
        if not whole:
            raise self.wrong(f"{name} is damaged: it is not as long as the file says")
        return data
