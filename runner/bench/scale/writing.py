"""How many steps a second one controller can journal: what a thousand sessions write, and nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import anyio

from runner.bench.scale.story import begun, steps_of
from runner.events import AttemptStarted
from runner.journal import Journal
from runner.run_log import RunLog


async def measure_writing(home: Path, sessions: int, steps: int) -> float:
    """Steps a second, each journaled as a session does it: before the action, and after, synced to disk."""
    with Journal(home) as journal:
        log = await RunLog.start(journal, "r-writing", begun(sessions), None)
        await log.write(*(AttemptStarted(task=f"t{number}", attempt=1) for number in range(sessions)))

        async def session(number: int) -> None:
            for event in steps_of(f"t{number}", steps):
                await log.write(event)

        started = time.monotonic()
        async with anyio.create_task_group() as group:
            for number in range(sessions):
                group.start_soon(session, number)
        return sessions * steps / (time.monotonic() - started)
