"""`deskswarm gc`."""

from __future__ import annotations

from contextlib import closing

from runner.cli.journals import open_artifacts, open_journal
from runner.cli.output import size
from runner.garbage import collect_garbage


def collect(as_json: bool) -> None:
    with open_journal() as journal, closing(open_artifacts()) as store:
        collected = collect_garbage(store, journal)
    if as_json:
        print(collected.model_dump_json())
    else:
        freed = size(collected.bytes_freed)
        print(f"{collected.objects} objects collected, {collected.kept} kept, {freed} freed")
