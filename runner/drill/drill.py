"""A drill: the plan once as it is, and once with each fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from anyio import to_thread

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.compile import compile_swarm
from runner.drill.fault import Fault, Undisturbed
from runner.drill.faults import FAULTS
from runner.drill.play import Played, play
from runner.drill.rehearsal import ANSWER_S, Rehearsal, without_people
from runner.drill.result import Found, judge
from runner.drill.stage import Scene
from runner.drill.twin import make_twin
from runner.spec import Swarm
from runner.state import TaskState
from sandboxes.backend import load_backend
from sandboxes.errors import InputError
from sandboxes.home import images_folder

FOLDER = "drills"
"""Under deskswarm's home: the home of drills on real desktops, so that no run takes up what they left."""

_AT_ONCE = 4

OnFound = Callable[[Found], None]


@dataclass(frozen=True, slots=True)
class Drilled:
    """`changed` says what was different from the plan in every run."""

    found: tuple[Found, ...]
    changed: tuple[str, ...]


async def drill(
    swarm: Swarm,
    folder: Path,
    home: Path,
    backend: str,
    on_found: OnFound,
    faults: Sequence[Fault] = FAULTS,
) -> Drilled:
    """Run the faults: side by side where desktops are simulated, one after the other where they are real.

    Raises InputError, also for a plan that does not succeed without any fault, and InfraError.
    """
    compiled = await to_thread.run_sync(compile_swarm, swarm, folder)
    real = load_backend(backend, home).capabilities.real
    rehearsal = await rehearse(compiled.swarm, folder.resolve(), real)
    with _homes(home, real) as home_of:
        calm = await play(Scene(rehearsal), home_of("undisturbed"), backend)
        _check(calm)
        undisturbed = await to_thread.run_sync(_undisturbed, calm, home_of("undisturbed"))
        found: dict[str, Found] = {}

        async def one(fault: Fault) -> None:
            async with turn:
                scene = fault.scene(rehearsal, undisturbed)
                played = await play(scene, home_of(fault.name), backend, fault)
                found[fault.name] = judge(fault, played, calm)
                on_found(found[fault.name])

        turn = anyio.CapacityLimiter(1 if real else _AT_ONCE)
        async with anyio.create_task_group() as tasks:
            for fault in faults:
                tasks.start_soon(one, fault)
    return Drilled(tuple(found[fault.name] for fault in faults), rehearsal.notes)


async def rehearse(swarm: Swarm, folder: Path, real: bool) -> Rehearsal:
    """The copy of a compiled swarm that a drill begins with."""
    rehearsal = Rehearsal(without_people(swarm), folder) if real else await make_twin(swarm, folder)
    return rehearsal.noted(f"nobody is told of questions; each person on their path has {ANSWER_S:g} s")


def _check(calm: Played) -> None:
    state = calm.state
    lost = next((task for task in state.tasks.values() if task.status == "failed"), None)
    if lost is not None:
        raise InputError(
            f"task {lost.id!r} fails without any fault, so a drill would show nothing: {lost.reason}"
        )


def _undisturbed(calm: Played, home: Path) -> Undisturbed:
    with closing(ArtifactStore(home / ARTIFACTS)) as store:
        outputs = {
            task.id: {name: store.get(kept.sha256) for name, kept in task.attempts[-1].outputs.items()}
            for task in calm.state.tasks.values()
        }
    return Undisturbed(outputs, {task.id: _took_s(task) for task in calm.state.tasks.values()})


def _took_s(task: TaskState) -> float:
    attempt = task.attempts[-1]
    return (attempt.ended_at or attempt.started_at) - attempt.started_at


@contextmanager
def _homes(home: Path, real: bool) -> Iterator[Callable[[str], Path]]:
    """The home of each run, by its fault. Real desktops need images, and their runs are kept."""
    if not real:
        with TemporaryDirectory(prefix="deskswarm-drill-") as folder:
            yield lambda name: Path(folder) / name.replace(" ", "-")
        return
    kept = home / FOLDER
    kept.mkdir(parents=True, exist_ok=True)
    if not images_folder(kept).exists():
        images_folder(kept).symlink_to(images_folder(home).resolve())
    yield lambda _: kept
