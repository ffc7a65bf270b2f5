"""`deskswarm replay`."""

from __future__ import annotations

from pathlib import Path

from runner.cli.journals import find_run, open_artifacts, open_journal
from runner.cli.output import size, write_file
from runner.replay.collect import collect
from runner.replay.page import render_page


def write_replay(run: str, task: str | None, out: Path, against: str | None = None) -> None:
    """The page of a run or, `against` another, of both."""
    with open_journal() as journal:
        found = [find_run(journal, one) for one in (run, against) if one is not None]
        records = [journal.read(one) for one in found]
    page = render_page(collect(records, open_artifacts(), task)).encode()
    write_file(out, page)
    print(f"{out} ({size(len(page))})")
