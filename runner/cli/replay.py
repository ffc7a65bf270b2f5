"""`deskswarm replay`."""

from __future__ import annotations

from pathlib import Path

from runner.cli.journals import open_artifacts, open_journal, read_state
from runner.cli.output import size, write_file
from runner.replay.collect import collect
from runner.replay.page import render_page


def write_replay(run: str, task: str | None, out: Path) -> None:
    with open_journal() as journal:
        state = read_state(journal, run)
    page = render_page(collect(state, open_artifacts(), task)).encode()
    write_file(out, page)
    print(f"{out} ({size(len(page))})")
