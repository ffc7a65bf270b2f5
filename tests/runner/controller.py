"""A controller in a process of its own, for tests that kill it.

python controller.py HOME run SWARM.json     runs it on simulated desktops
python controller.py HOME resume RUN
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import anyio

from runner.controller import run_swarm
from runner.resume import resume_run
from runner.spec import Swarm


def main(home: Path, what: str, argument: str) -> None:
    if what == "resume":
        anyio.run(resume_run, argument, home)
        return
    swarm = Swarm.model_validate_json(Path(argument).read_bytes())
    anyio.run(partial(run_swarm, swarm, Path(argument).parent, home, backend="simulated"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
