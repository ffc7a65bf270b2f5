"""The suite `deskbench`: the tasks of every file beside this one, each of which is a swarm of its own."""

from __future__ import annotations

from pathlib import Path

from runner.load import load_swarm
from runner.spec import Swarm

swarm = Swarm(
    name="deskbench",
    description="Desktop tasks with exact checks, each with a script that does it through the applications.",
    tasks=tuple(
        task for path in sorted(Path(__file__).parent.glob("*.yaml")) for task in load_swarm(path).swarm.tasks
    ),
)
