"""`deskswarm run` and `deskswarm resume`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from runner.cli.exit_codes import Interrupted, code_of_run
from runner.cli.journals import find_run, open_artifacts, open_journal
from runner.cli.output import duration, one_line, print_table
from runner.cli.progress import Lines
from runner.cli.signals import run_interruptibly
from runner.controller import OnEvent, run_swarm
from runner.journal import Record
from runner.load import load_swarm
from runner.resume import resume_run
from runner.state import RunState
from runner.summary import RunSummary, summarize
from sandboxes.admission import HostLimits
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND

Work = Callable[[OnEvent], Awaitable[RunSummary]]


def run_swarm_file(
    source: str,
    backend: str | None,
    parallel: int | None,
    max_desktops: int | None,
    fresh: bool,
    as_json: bool,
) -> int:
    """The exit code. Raises InputError, InfraError and Interrupted where no result is to be told."""
    loaded, limits = load_swarm(source), HostLimits.from_environment()
    if max_desktops is not None:
        limits = limits.model_copy(update={"max_desktops": max_desktops})

    async def work(on_event: OnEvent) -> RunSummary:
        return await run_swarm(
            loaded.swarm,
            loaded.folder,
            find_home(),
            backend=backend or DEFAULT_BACKEND,
            parallel=parallel,
            limits=limits,
            reuse=not fresh,
            on_event=on_event,
        )

    return carry_out(work, as_json)


def resume(text: str, parallel: int | None, as_json: bool) -> int:
    """The exit code, as of `run_swarm_file`."""
    with open_journal() as journal:
        run = find_run(journal, text)
    return carry_out(resuming(run, parallel), as_json)


def resuming(run: str, parallel: int | None) -> Work:
    async def work(on_event: OnEvent) -> RunSummary:
        return await resume_run(run, find_home(), parallel=parallel, on_event=on_event)

    return work


def carry_out(work: Work, as_json: bool) -> int:
    """Work on a run and print what it came to; the exit code. Raises as `follow`."""
    state, code = follow(work)
    if as_json:
        print(summarize(state).model_dump_json())
    else:
        _print_for_people(summarize(state), state)
    return code


def follow(work: Work) -> tuple[RunState, int]:
    """Work on a run, its progress shown: what it came to, and the exit code. Raises what `work` raises, and
    Interrupted where there is no run yet."""
    with _progress() as show:
        follower = _Follower(show)
        try:
            code = code_of_run(run_interruptibly(lambda: work(follower.take)))
        except Interrupted as interruption:
            if follower.state is None:
                raise
            code = interruption.exit_code
    assert follower.state is not None
    return follower.state, code


class _Follower:
    """Knows the state of the run as its events come, and has them shown."""

    def __init__(self, show: OnEvent) -> None:
        self.state: RunState | None = None
        self._show: OnEvent | None = show

    def take(self, record: Record, state: RunState) -> None:
        self.state = state
        if self._show is not None:
            try:
                self._show(record, state)
            except BrokenPipeError:  # nobody reads any more; the run goes on
                self._show = None


def _print_for_people(summary: RunSummary, state: RunState) -> None:
    rows = []
    for task in summary.tasks:
        status = f"{task.status} ({task.kind})" if task.kind else task.status
        reason = one_line(state.tasks[task.id].reason, 200)
        rows.append((task.id, status, f"{task.steps} steps", duration(task.wall_s), reason))
    print_table(("TASK", "STATUS", "STEPS", "TIME", ""), rows)
    print(f"\n{summary.run}: {summary.status}")
    if any(task.reused for task in state.tasks.values()):
        print("what an earlier run has done just so was not done again; --fresh does it again")
    print(f"deskswarm show {summary.run}")
    print(f"deskswarm replay {summary.run} --html {summary.run}.html")


@contextmanager
def _progress() -> Iterator[OnEvent]:
    """Rows that are redrawn where standard error is a terminal, lines where it is not."""
    store = open_artifacts()
    if not sys.stderr.isatty():
        lines = Lines(store, sys.stderr)

        def take(record: Record, state: RunState) -> None:
            lines.started_at = state.started_at  # a resumed run began before
            lines.take(record)

        yield take
        return
    from rich.console import Console

    from runner.cli.live import LiveTable

    with LiveTable(store, Console(stderr=True)) as table:
        yield table.take
