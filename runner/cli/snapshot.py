"""`deskswarm snapshot`."""

from __future__ import annotations

import json
from pathlib import Path

from runner.cli.output import clock, one_line, print_table, size
from sandboxes.errors import InputError
from sandboxes.home import find_home, snapshots_folder
from sandboxes.snapshot import Snapshot, SnapshotStore

_SHORT = 12


def list_snapshots() -> None:
    rows = [
        (
            snapshot.id[:_SHORT],
            one_line(snapshot.label) or "-",
            snapshot.origin.backend,
            snapshot.origin.kind,
            snapshot.origin.spec.image,
            size(snapshot.bytes),
            clock(snapshot.taken_at),
        )
        for snapshot in _store().ls()
    ]
    print_table(("SNAPSHOT", "LABEL", "BACKEND", "HOLDS", "IMAGE", "SIZE", "TAKEN"), rows)


def show_snapshot(text: str) -> None:
    snapshot = _store().find(text)
    print(json.dumps({"id": snapshot.id, **snapshot.model_dump(mode="json")}, indent=2))


def export_snapshot(text: str, out: Path) -> None:
    store = _store()
    snapshot = store.find(text)
    try:
        store.export(snapshot, out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None
    print(f"{out} ({size(out.stat().st_size)})")


def import_snapshot(source: Path) -> None:
    try:
        snapshot = _store().import_(source)
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from None
    print(_line(snapshot))


def remove_snapshot(text: str) -> None:
    store = _store()
    snapshot = store.find(text)
    store.rm(snapshot)
    print(_line(snapshot))


def _line(snapshot: Snapshot) -> str:
    return f"{snapshot.id[:_SHORT]} {one_line(snapshot.label)}".rstrip()


def _store() -> SnapshotStore:
    return SnapshotStore(snapshots_folder(find_home()))
