"""`deskswarm bench miniwob`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.cli.bench import Options, run_trials
from runner.cli.signals import run_interruptibly
from runner.miniwob.package import Episode, set_up
from runner.miniwob.suite import chosen_tasks, miniwob_suite, seeded
from runner.miniwob.utterances import utterances
from runner.suites.trials import make_trials
from sandboxes.errors import InputError
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND


def run_miniwob(tasks: Sequence[str], ids: Path | None, options: Options) -> int:
    """As `run_suite`. Raises InputError and InfraError."""
    home = find_home()
    package = set_up(home)
    names = chosen_tasks(package, [*tasks, *_listed(ids)])
    episodes = [Episode(name, seed) for seed in range(1, options.repeats + 1) for name in names]
    asked = run_interruptibly(lambda: utterances(home, package, episodes, options.backend or DEFAULT_BACKEND))
    suite = miniwob_suite({one: said for one, said in asked.items() if one.seed == 1})
    trials = seeded(make_trials(suite, options.agent, options.repeats), asked)
    return run_trials(trials, package.folder, options)


def _listed(ids: Path | None) -> list[str]:
    if ids is None:
        return []
    try:
        return ids.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--ids: {ids}: not readable: {error}") from None
