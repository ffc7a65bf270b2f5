"""Saved desktops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.root import snapshot

Snapshot = Annotated[
    str, typer.Argument(metavar="ID", help="A snapshot's label, or the beginning of its id.")
]


@snapshot.command("ls")
def snapshot_ls() -> None:
    """List the snapshots, the oldest first."""
    from runner.cli.snapshot import list_snapshots

    list_snapshots()


@snapshot.command("show")
def snapshot_show(snapshot: Snapshot) -> None:
    """Print what a snapshot holds and fits, as JSON."""
    from runner.cli.snapshot import show_snapshot

    show_snapshot(snapshot)


@snapshot.command("export")
def snapshot_export(
    snapshot: Snapshot,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")],
) -> None:
    """Write a snapshot as one file, for another machine."""
    from runner.cli.snapshot import export_snapshot

    export_snapshot(snapshot, out)


@snapshot.command("import")
def snapshot_import(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.")],
) -> None:
    """Take in an exported snapshot."""
    from runner.cli.snapshot import import_snapshot

    import_snapshot(source)


@snapshot.command("rm")
def snapshot_rm(snapshot: Snapshot) -> None:
    """Remove a snapshot. Desktops restored from it go on."""
    from runner.cli.snapshot import remove_snapshot

    remove_snapshot(snapshot)
