"""`deskswarm bench miniwob`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.cli.bench import run_trials
from runner.cli.signals import run_interruptibly
from runner.miniwob.package import Episode, set_up
from runner.miniwob.suite import chosen_tasks, miniwob_suite, seeded
from runner.miniwob.utterances import utterances
from runner.suites.trials import make_trials
from sandboxes.errors import InputError
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND


def run_miniwob(
    tasks: Sequence[str],
    ids: Path | None,
    agent: str,
    repeats: int,
    parallel: int | None,
    backend: str | None,
    as_json: bool,
) -> int:
    """As `run_suite`. Raises InputError and InfraError."""
    home = find_home()
    package = set_up(home)
    names = chosen_tasks(package, [*tasks, *_listed(ids)])
    episodes = [Episode(name, seed) for seed in range(1, repeats + 1) for name in names]
    asked = run_interruptibly(lambda: utterances(home, package, episodes, backend or DEFAULT_BACKEND))
    suite = miniwob_suite({one: said for one, said in asked.items() if one.seed == 1})
    trials = seeded(make_trials(suite, agent, repeats), asked)
    return run_trials(trials, package.folder, parallel, backend, as_json)


def _listed(ids: Path | None) -> list[str]:
    if ids is None:
        return []
    try:
        return ids.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--ids: {ids}: not readable: {error}") from None
