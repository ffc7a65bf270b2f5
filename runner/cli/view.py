"""`deskswarm view`."""

from __future__ import annotations

import secrets

import anyio

from runner.cli.journals import find_run, open_artifacts, open_journal
from runner.cli.signals import run_interruptibly
from runner.view.library import Library
from runner.view.server import serve


def view_runs(run: str | None, port: int) -> None:
    """Until a signal ends it. The token is made anew each time, and is in the address that is printed.

    Raises InputError for an unknown run, or a port that is taken.
    """
    token = secrets.token_urlsafe(32)

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            listening = await tasks.start(serve, library, token, port)
            print(f"http://127.0.0.1:{listening}/{path}?token={token}", flush=True)

    with open_journal() as journal:
        path = f"runs/{find_run(journal, run)}/" if run else ""
        library = Library(journal, open_artifacts())
        run_interruptibly(work)
