"""The run log: many writers at once, one order, and nothing of another process missed."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from runner.events import AttemptStarted, DesktopLeased, RunStarted, TaskEnded, Warned
from runner.journal import AlreadyHappened, Journal, Record
from runner.plan import make_plan
from runner.run_log import RunLog
from runner.state import fold
from sandboxes.owner import Owner
from tests.runner.laboratory import swarm, task

pytestmark = pytest.mark.anyio
RUN = "r-20261121-083012-ab12"


def started(tasks: int = 50) -> RunStarted:
    one = swarm(*(task(f"t{number}") for number in range(tasks)))
    return RunStarted(swarm=one, plan=make_plan(one), backend="simulated", controller=str(Owner.current()))


def leased(task: str) -> DesktopLeased:
    return DesktopLeased(task=task, attempt=1, desktop="d-1", epoch=1)


async def test_what_many_write_at_once_is_told_in_the_journals_order(tmp_path: Path) -> None:
    told: list[Record] = []
    with Journal(tmp_path) as journal:
        log = await RunLog.start(journal, RUN, started(), lambda record, _: told.append(record))

        async def one(name: str) -> None:
            await log.write(AttemptStarted(task=name, attempt=1), leased(name))
            await log.write(TaskEnded(task=name, status="succeeded"))

        async with anyio.create_task_group() as writers:
            for number in range(50):
                writers.start_soon(one, f"t{number}")
        assert told == journal.read(RUN)
        assert len(told) == 151
        assert {state.status for state in log.state.tasks.values()} == {"succeeded"}


async def test_what_is_refused_fails_its_writer_alone(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        log = await RunLog.start(journal, RUN, started(), None)
        await log.write(AttemptStarted(task="t0", attempt=1))
        failed: list[str] = []

        async def one(name: str) -> None:
            try:
                await log.write(AttemptStarted(task=name, attempt=1), leased(name))
            except AlreadyHappened:
                failed.append(name)

        async with anyio.create_task_group() as writers:
            for number in range(5):
                writers.start_soon(one, f"t{number}")
        assert failed == ["t0"]
        written = [record.event for record in journal.read(RUN)]
        assert {event.task for event in written if event.kind == "desktop_leased"} == {"t1", "t2", "t3", "t4"}
        assert fold(journal.read(RUN)).tasks == log.state.tasks


async def test_a_cancelled_writer_writes_nothing_or_all(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        log = await RunLog.start(journal, RUN, started(), None)
        for number in range(20):
            async with anyio.create_task_group() as writers:
                writers.start_soon(
                    log.write, AttemptStarted(task=f"t{number}", attempt=1), leased(f"t{number}")
                )
                writers.start_soon(log.write, AttemptStarted(task=f"t{number + 20}", attempt=1))
                await anyio.lowlevel.checkpoint()
                writers.cancel_scope.cancel()
        assert fold(journal.read(RUN)).tasks == log.state.tasks


async def test_what_another_process_writes_comes_in_its_place(tmp_path: Path) -> None:
    told: list[Record] = []
    with Journal(tmp_path) as journal, Journal(tmp_path) as other:
        log = await RunLog.start(journal, RUN, started(), lambda record, _: told.append(record))
        await log.write(AttemptStarted(task="t0", attempt=1))
        other.append("r-another", started())
        other.append(RUN, Warned(task="t0", attempt=1, monitor="other", step=1, message=""))
        await log.write(AttemptStarted(task="t1", attempt=1))
        other.append(RUN, Warned(task="t0", attempt=1, monitor="other", step=2, message=""))
        await log.catch_up()
        await log.catch_up()
        assert told == journal.read(RUN)
        assert [record.event.kind for record in told[2:]] == ["warned", "attempt_started", "warned"]
