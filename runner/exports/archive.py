"""A run as one file that another machine takes in: its events, and every object they name.

    manifest.json       what it is, and of which version
    events.jsonl        the journal's events of the run, a line each: {"at": SECONDS, "event": {…}}
    objects/SHA256      frames, trees, checkpoints, artifacts and logs, whole, by their hashes

The same run makes the same file, byte by byte, whoever exports it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field

from runner.artifacts import ArtifactStore, Sha256
from runner.events import RunImported
from runner.journal import Record
from runner.references import named_in_turn, references
from runner.state import RunState
from sandboxes.errors import InputError
from sandboxes.owner import Owner
from sandboxes.spec import Model

VERSION = 1
MANIFEST, EVENTS, OBJECTS = "manifest.json", "events.jsonl", "objects/"
_NEVER = (1980, 1, 1, 0, 0, 0)


class Manifest(Model):
    format: Literal["deskswarm run"] = "deskswarm run"
    version: Literal[1] = 1
    run: str = Field(pattern=r"^r-[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$")
    events: int = Field(ge=1)
    objects: int = Field(ge=0)


def check_over(state: RunState) -> None:
    """Raises InputError for a run that goes on: what it names would not be whole."""
    if state.status == "running" and Owner.parse(state.controller).is_alive():
        raise InputError(f"run: {state.id} goes on; wait for its end (`deskswarm watch {state.id}`)")


def write_archive(records: Sequence[Record], store: ArtifactStore, out: Path) -> Manifest:
    """`records` are all of a run. The file is there once it is whole.

    Raises InfraError where an object is missing or damaged, OSError where it cannot be written.
    """
    happened = [record for record in records if not isinstance(record.event, RunImported)]
    names = sorted(objects_of(happened, store))
    manifest = Manifest(run=happened[0].run, events=len(happened), objects=len(names))
    with _replacing(out) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as file:
        _add(file, MANIFEST, manifest.model_dump_json(indent=2).encode())
        _add(file, EVENTS, b"".join(map(_event_line, happened)))
        for name in names:
            _add(file, OBJECTS + name, store.get(name))
    return manifest


def objects_of(records: Sequence[Record], store: ArtifactStore) -> set[Sha256]:
    """All that the events name, and what that names in turn. Raises InfraError."""
    named = {(one.place.what, one.digest) for record in records for one in references(record)}
    return {digest for _, digest in named} | {
        below for what, digest in named for below in named_in_turn(store, what, digest)
    }


def _event_line(record: Record) -> bytes:
    event = json.loads(record.event.model_dump_json(by_alias=True))
    return json.dumps({"at": record.at, "event": event}, ensure_ascii=False).encode() + b"\n"


def _add(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _NEVER)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    file.writestr(info, data)


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A draft beside the file, which takes its place when all went well."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f"{out.name}.part")
    try:
        yield draft
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
