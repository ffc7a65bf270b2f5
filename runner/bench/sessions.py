"""Real sessions, through the runner's own session, store and journal, that time each of their steps."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from anyio import to_thread
from pydantic import TypeAdapter

from runner.actions import Action
from runner.agents.base import Act, Decision, Done, Failed, PlainAgent, View
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.budget import Purse
from runner.checkpoints import Trail
from runner.events import Event
from runner.guard import Guard
from runner.journal import Journal
from runner.session import Session
from runner.spec import Budget, ScriptAgent, Task
from sandboxes.desktop import Desktop
from sandboxes.errors import InfraError
from sandboxes.home import find_home

_ACTION: TypeAdapter[Action] = TypeAdapter(Action)
_WALL_S = 3600.0
_BLOCK = 4096

OnView = Callable[[View], Awaitable[None]]


def action(value: dict[str, Any]) -> Action:
    """An action as people write it: `{"type": "hello"}`."""
    return _ACTION.validate_python(value)


@dataclass(slots=True)
class TimingAgent(PlainAgent):
    """Carries out one action a step. A step lasts from one decision to the next view: act, settle,
    checkpoint on disk, look. What `on_view` does with a view is no part of it."""

    actions: Sequence[Action]
    on_view: OnView | None = None
    step_s: list[float] = field(default_factory=list)
    _views: int = 0
    _decided: float = 0

    async def decide(self, view: View) -> Decision:
        if self._views:
            self.step_s.append(time.perf_counter() - self._decided)
        if self.on_view is not None:
            await self.on_view(view)
        failure = next((result for result in view.last if not result.ok), None)
        if failure is not None:
            return Failed(reason=f"action {self._views}: {failure.error}"[:20_000])
        if self._views == len(self.actions):
            return Done()
        self._views += 1
        self._decided = time.perf_counter()
        return Act(actions=(self.actions[self._views - 1],))


class Records:
    """A store and a journal in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = ArtifactStore(folder / ARTIFACTS)
        self._journal = Journal(folder)

    def close(self) -> None:
        self._journal.close()

    async def run_session(
        self, desktop: Desktop, actions: Sequence[Action], on_view: OnView | None = None
    ) -> list[float]:
        """The seconds that each step took. Raises InfraError where an action failed."""
        run = desktop.id

        async def record(event: Event) -> None:
            await to_thread.run_sync(self._journal.append, run, event)

        agent = TimingAgent(actions, on_view)
        trail = Trail(self._store, record, run, "bench", 1)
        script = ScriptAgent(kind="script", steps=tuple(actions))
        budget = Budget(steps=len(actions), wall_s=_WALL_S)
        task = Task(id="bench", instruction="Be measured.", agent=script, budget=budget)
        guard = Guard(desktop, task, 1, Purse(budget), record, self.folder)
        outcome = await Session(desktop, agent, trail, task.instruction, {}, guard).run()
        if outcome.failure is not None:
            raise InfraError(f"the benchmark's session failed: {outcome.reason}")
        return agent.step_s


@contextmanager
def fresh_records() -> Iterator[Records]:
    """Empty, on the disk where deskswarm's home is, and removed in the end."""
    home = find_home()
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=home) as folder:
        records = Records(Path(folder))
        try:
            yield records
        finally:
            records.close()


def disk_bytes(folder: Path) -> int:
    """What the files of a folder take, in whole blocks of a disk."""
    sizes = (path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
