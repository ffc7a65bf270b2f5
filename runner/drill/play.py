"""One run of a drill, from its start to its end; also in a process of its own, where that is to be killed.

python -m runner.drill.play HOME BACKEND    reads a pickled (scene, name of a fault) from its standard input
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import run_process, to_thread

from runner.artifacts import Sha256
from runner.controller import carry_on, new_run_id, prepare, secrets_of
from runner.drill.fault import Fault
from runner.drill.faults import FAULTS
from runner.drill.rehearsal import Rehearsal
from runner.drill.stage import Scene, Stage
from runner.events import RunStarted
from runner.journal import Journal, Record
from runner.plan import make_plan
from runner.redaction.secrets import Secrets, made_up_secrets
from runner.resume import take_up
from runner.run_log import RunLog
from runner.state import RunState, fold, fold_decisions
from sandboxes.backend import load_backend
from sandboxes.errors import InfraError
from sandboxes.owner import Owner


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a run. `injected_at` is None where the fault never came to pass."""

    scene: Scene
    records: Sequence[Record]
    injected_at: float | None
    poison: frozenset[Sha256]

    @property
    def state(self) -> RunState:
        return fold(self.records)


async def play(scene: Scene, home: Path, backend: str, fault: Fault | None = None) -> Played:
    """Run a scene to its end, with the fault where there is one. Raises InputError and InfraError."""
    if fault is not None and fault.kills:
        run, injected_at = await _play_and_be_killed(scene, home, backend, fault)
        stage = Stage(home, load_backend(backend, home), scene)
        await _resume(stage, run)
        return await _played(stage, run, injected_at)
    stage = Stage(home, load_backend(backend, home), scene, fault.sabotage if fault else None)
    run = new_run_id()
    await _start(stage, backend, run)
    return await _played(stage, run, stage.injected_at)


async def _start(stage: Stage, backend: str, run: str) -> None:
    rehearsal = stage.scene.rehearsal
    started = RunStarted(
        swarm=rehearsal.swarm,
        plan=await to_thread.run_sync(make_plan, rehearsal.swarm, rehearsal.folder),
        backend=backend,
        controller=str(Owner.current()),
        folder=str(rehearsal.folder),
    )
    async with stage:
        await prepare(stage, rehearsal.swarm, backend)
        with await to_thread.run_sync(Journal, stage.home) as journal:
            log = await RunLog.start(journal, run, started, None, _secrets(rehearsal))
            await carry_on(stage, rehearsal.folder, log, agent_maker=stage.cast)


async def _resume(stage: Stage, run: str) -> None:
    """As `runner.resume.resume_run` does, with the agents of the stage."""
    with await to_thread.run_sync(Journal, stage.home) as journal:
        state = await to_thread.run_sync(fold_decisions, journal, run)
        log = RunLog(journal, state, None, _secrets(stage.scene.rehearsal))
        async with stage:
            await take_up(log)
            await carry_on(stage, stage.scene.rehearsal.folder, log, agent_maker=stage.cast)


def _secrets(rehearsal: Rehearsal) -> Secrets:
    """Where the work is only played, nothing is logged in to."""
    swarm = rehearsal.swarm
    return made_up_secrets(swarm.secrets) if rehearsal.played else secrets_of(swarm, rehearsal.folder)


async def _played(stage: Stage, run: str, injected_at: float | None) -> Played:
    with await to_thread.run_sync(Journal, stage.home) as journal:
        records = await to_thread.run_sync(journal.read, run)
    return Played(stage.scene, records, injected_at, frozenset(stage.poison))


# --- a controller of its own --------------------------------------------------------------------------


async def _play_and_be_killed(scene: Scene, home: Path, backend: str, fault: Fault) -> tuple[str, float]:
    """The run, and when its controller was killed."""
    command = [sys.executable, "-m", "runner.drill.play", str(home), backend]
    ran = await run_process(command, input=pickle.dumps((scene, fault.name)), check=False)
    run, _, injected_at = ran.stdout.decode().partition("\n")
    if not injected_at.strip():
        said = ran.stderr[-500:].decode(errors="replace").strip()
        raise InfraError(f"the controller that was to be killed ended before ({ran.returncode}): {said}")
    return run, float(injected_at)


async def _main(home: Path, backend: str) -> None:
    scene, name = pickle.load(sys.stdin.buffer)
    [fault] = [fault for fault in FAULTS if fault.name == name]
    run = new_run_id()
    print(run, flush=True)
    stage = Stage(home, load_backend(backend, home), scene, fault.sabotage)
    await _start(stage, backend, run)


if __name__ == "__main__":
    anyio.run(_main, Path(sys.argv[1]), sys.argv[2])
