"""What tests of the runner share: a laboratory that runs swarms on simulated desktops."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.controller import run_swarm
from runner.journal import Journal, Record
from runner.spec import Swarm
from runner.state import RunState, fold
from sandboxes.simulation.settings import FILE_NAME, Fault, Simulation

SMALL = {"screen": {"width": 640, "height": 480}}


def task(id_: str, *steps: object, **more: Any) -> dict[str, Any]:
    """A task as one writes it: a script on a small simulated desktop."""
    agent = {"kind": "script", "steps": steps or ({"type": "hello"}, {"press": "ctrl+s"})}
    return {"id": id_, "instruction": "Write a note.", "agent": agent, "desktop": SMALL, **more}


def swarm(*tasks: dict[str, Any], **more: Any) -> Swarm:
    return Swarm.model_validate({"name": "test", "tasks": tasks, **more})


@dataclass
class Laboratory:
    """A home and a folder of their own. `records` grows with every event of every run."""

    home: Path
    folder: Path
    records: list[Record] = field(default_factory=list)

    def simulate(self, *faults: Fault, **more: Any) -> None:
        simulation = Simulation(faults=faults, **more)
        (self.home / FILE_NAME).write_text(simulation.model_dump_json())

    async def run(self, *tasks: dict[str, Any], **options: Any) -> RunState:
        """Run to the end; the state is what a process that was not there reads from the journal."""
        return await self.run_swarm(swarm(*tasks), **options)

    async def run_swarm(self, whole: Swarm, **options: Any) -> RunState:
        """The same, of a swarm."""
        summary = await run_swarm(
            whole,
            self.folder,
            self.home,
            backend="simulated",
            on_event=lambda record, _: self.records.append(record),
            **options,
        )
        return self.read(summary.run)

    def read(self, run: str) -> RunState:
        with Journal(self.home) as journal:
            return fold(journal.read(run))

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.home / ARTIFACTS)
