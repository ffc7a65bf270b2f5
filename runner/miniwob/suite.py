"""MiniWoB++ as a suite of ours: a task for each of its environments, whose page gives the reward."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

from runner.actions import Focus, Open
from runner.checks.spec import MiniWob
from runner.miniwob.package import PAGES, UNPACK, Episode, Package, set_up
from runner.miniwob.utterances import utterances
from runner.spec import Budget, Input, ProcessAgent, Swarm, Task
from runner.suites.trials import REPEAT, TASK, check_names
from sandboxes.home import find_home
from sandboxes.host import DEFAULT_BACKEND

ORACLE = ProcessAgent(
    kind="process", command=(sys.executable, "-m", "runner.miniwob.oracle"), screenshots=False
)
"""It does the tasks whose page says what to click or to type, and gives up on others."""

_STEPS = 40
_WINDOW_S = 300
_START = f'{UNPACK} && rm "$HOME/{PAGES}" && exec google-chrome --app="file://$HOME/$0"'


def chosen_tasks(package: Package, names: Sequence[str]) -> tuple[str, ...]:
    """These, or all. Raises InputError for one that there is not."""
    known = package.tasks()
    check_names(names, known, "MiniWoB")
    return tuple(dict.fromkeys(names)) or known


def load_miniwob(
    names: Sequence[str] = (),
    *,
    episodes: int = 1,
    home: Path | None = None,
    backend: str = DEFAULT_BACKEND,
) -> tuple[Swarm, Path]:
    """So many episodes of all tasks, or of those of these names, and the folder of their files. What the
    package and its pages say is fetched once. Raises InputError and InfraError."""
    home = home or find_home()
    package = set_up(home)
    chosen = chosen_tasks(package, names)
    wanted = [Episode(name, seed) for name in chosen for seed in range(1, episodes + 1)]
    return miniwob_suite(anyio.run(utterances, home, package, wanted, backend)), package.folder


def miniwob_suite(asked: Mapping[Episode, str]) -> Swarm:
    """Of episodes, and what they ask for."""
    return Swarm(
        name="miniwob",
        description="MiniWoB++: small tasks on web pages, which give the reward themselves.",
        tasks=tuple(_task(one, instruction) for one, instruction in asked.items()),
    )


def seeded(trials: Swarm, asked: Mapping[Episode, str]) -> Swarm:
    """Each repeat is an episode of its own: its number is the seed."""
    tasks = []
    for trial in trials.tasks:
        one = Episode(trial.labels[TASK], int(trial.labels[REPEAT]))
        fresh = _task(one, asked[one])
        tasks.append(trial.model_copy(update={"instruction": fresh.instruction, "setup": fresh.setup}))
    return trials.model_copy(update={"tasks": tuple(tasks)})


def _task(episode: Episode, instruction: str) -> Task:
    return Task(
        id=episode.task if episode.seed == 1 else str(episode),
        instruction=instruction,
        agent=ORACLE,
        inputs={"pages": Input(file=PAGES, to=f"~/{PAGES}")},
        setup=(
            Open(do="open", argv=("sh", "-c", _START, episode.page)),
            Focus(do="focus", title=f"MiniWoB {episode.task}: ready", timeout=_WINDOW_S),
        ),
        checks=(MiniWob(check="miniwob", task=episode.task),),
        budget=Budget(steps=_STEPS),
    )
