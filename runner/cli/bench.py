"""`deskswarm bench SUITE` and what belongs to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.cli.exit_codes import SUCCEEDED
from runner.cli.journals import find_run, open_artifacts, open_journal
from runner.cli.output import write_file
from runner.cli.run import Work, follow, resuming
from runner.controller import OnEvent, run_swarm
from runner.dead_letters import requeue_all
from runner.journal import Journal
from runner.load import load_swarm
from runner.spec import Swarm
from runner.state import RunState, fold
from runner.suites.outcomes import scored_tasks
from runner.suites.page import report_page
from runner.suites.report import Report, compare, report
from runner.suites.trials import REPEAT, TASK, choose_tasks, make_trials
from runner.suites.words import comparison_lines, report_lines
from runner.summary import RunSummary
from sandboxes.admission import HostLimits
from sandboxes.errors import InputError
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND

_ASKED_FOR = ("run", "suite", "agent", "score", "interval", "scored")
_OF_TASKS = ("id", "outcome", "score", "cause", "attempts")


@dataclass(frozen=True, slots=True)
class Options:
    """What all benchmarks take: who is tried, how often, and how. None stands for what a run does by
    itself."""

    agent: str
    repeats: int
    parallel: int | None
    backend: str | None
    as_json: bool


def run_suite(source: str, tasks: Sequence[str], options: Options) -> int:
    """A run of a suite that came to its end is a success, whatever its score: exit code 0."""
    loaded = load_swarm(source)
    trials = make_trials(choose_tasks(loaded.swarm, tasks), options.agent, options.repeats)
    return run_trials(trials, loaded.folder, options)


def run_trials(swarm: Swarm, folder: Path, options: Options) -> int:
    """The exit code. `folder` is that of the files which tasks and agents name."""

    async def work(on_event: OnEvent) -> RunSummary:
        return await run_swarm(
            swarm,
            folder,
            find_home(),
            backend=options.backend or DEFAULT_BACKEND,
            parallel=options.parallel,
            limits=HostLimits.from_environment(),
            on_event=on_event,
        )

    return _carry_out(work, options.as_json)


def resume_suite(text: str, parallel: int | None, unscored: bool, as_json: bool) -> int:
    """Carry on a run whose controller died; with `unscored`, try again what has no score."""
    with open_journal() as journal:
        run = find_run(journal, text)
        if unscored:
            _reopen_unscored(journal, run)
    return _carry_out(resuming(run, parallel), as_json)


def _carry_out(work: Work, as_json: bool) -> int:
    state, code = follow(work)
    _print(state, as_json)
    return code if state.status == "cancelled" else SUCCEEDED


def print_reports(runs: Sequence[str], html: Path | None, as_json: bool) -> None:
    """Of two runs, also how they compare."""
    store = open_artifacts()
    with open_journal() as journal:
        reports = [report(fold(journal.read(find_run(journal, run))), store) for run in runs]
    comparison = compare(*reports) if len(reports) == 2 else None
    if html is not None:
        write_file(html, report_page(reports, comparison).encode())
    if as_json:
        found: dict[str, object] = {"reports": [one.model_dump(mode="json") for one in reports]}
        if comparison is not None:
            found["comparison"] = comparison.model_dump(mode="json")
        print(json.dumps(found))
        return
    for one in reports:
        print("\n".join(report_lines(one)), end="\n\n")
    if comparison is not None:
        print("\n".join(comparison_lines(comparison)))


def _reopen_unscored(journal: Journal, run: str) -> None:
    """Raises InputError where every trial has a score."""
    state = fold(journal.read(run))
    without = {
        (task.id, trial.repeat)
        for task in scored_tasks(state)
        for trial in task.trials
        if trial.outcome == "not_scored"
    }
    names = [
        task.id
        for task in state.swarm.tasks
        if (task.labels.get(TASK, task.id), int(task.labels.get(REPEAT, "1"))) in without
        and state.tasks[task.id].status == "failed"
    ]
    if not names and state.status != "running":
        raise InputError(f"run: every trial of {run} has a score; there is nothing to try again")
    requeue_all(journal, state, names, "bench", "it had no score")


def _print(state: RunState, as_json: bool) -> None:
    found = report(state, open_artifacts())
    if as_json:
        print(json.dumps(in_short(found)))
    else:
        print("\n".join(report_lines(found)))
        print(f"deskswarm bench report {found.run} --html {found.run}.html")


def in_short(found: Report) -> dict[str, object]:
    """What `bench SUITE --json` prints."""
    whole = found.model_dump(mode="json")
    tasks = [{key: task[key] for key in _OF_TASKS} for task in whole["tasks"]]
    return {**{key: whole[key] for key in _ASKED_FOR}, "tasks": tasks}
