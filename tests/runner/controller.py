"""A controller in a process of its own, for tests that kill it.

python controller.py HOME run SWARM.json [BACKEND [KIND TASK]]     runs it, by default on simulated desktops
python controller.py HOME resume RUN [KIND TASK]

At an event of that kind and task it kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

from runner.controller import OnEvent, run_swarm
from runner.journal import Record
from runner.resume import resume_run
from runner.spec import Swarm
from runner.state import RunState


def dying(event: Sequence[str]) -> OnEvent | None:
    """Ends this process as soon as such an event is in the journal, by the signal that nobody can catch."""

    def look(record: Record, _state: RunState) -> None:
        if [record.event.kind, record.event.task] == list(event):
            os.kill(os.getpid(), signal.SIGKILL)

    return look if event else None


def run(home: Path, file: str, backend: str = "simulated", *event: str) -> None:
    swarm = Swarm.model_validate_json(Path(file).read_bytes())
    folder = Path(file).parent
    anyio.run(partial(run_swarm, swarm, folder, home, backend=backend, on_event=dying(event)))


def resume(home: Path, name: str, *event: str) -> None:
    anyio.run(partial(resume_run, name, home, on_event=dying(event)))


def main(home: str, what: str, *words: str) -> None:
    (run if what == "run" else resume)(Path(home), *words)


if __name__ == "__main__":
    main(*sys.argv[1:])
