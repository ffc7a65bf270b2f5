"""Work that a signal may end, and what is printed of strangers' text."""

from __future__ import annotations

import os
import signal

import anyio
import pytest

from runner.cli.exit_codes import Interrupted, code_of_run
from runner.cli.output import duration, one_line, size
from runner.cli.signals import run_interruptibly
from runner.summary import RunSummary, TaskSummary
from sandboxes.errors import FailureKind, InfraError


def test_the_result_comes_through() -> None:
    async def work() -> str:
        return "done"

    assert run_interruptibly(work) == "done"


def test_an_error_comes_through_bare_however_deep_it_was_raised() -> None:
    async def fail() -> None:
        raise InfraError("the journal is gone")

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail)

    with pytest.raises(InfraError, match="the journal is gone"):
        run_interruptibly(work)


def test_clean_up_is_not_interrupted_by_a_second_signal() -> None:
    cleaned = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            with anyio.CancelScope(shield=True):
                await anyio.wait_all_tasks_blocked()
            cleaned.append(True)

    with pytest.raises(Interrupted) as caught:
        run_interruptibly(work)
    assert caught.value.exit_code == 130
    assert cleaned == [True]


def summary(*kinds: FailureKind | None) -> RunSummary:
    tasks = tuple(
        TaskSummary(id=f"t{number}", status="failed", kind=kind, attempts=1, steps=1, wall_s=1)
        for number, kind in enumerate(kinds)
    )
    return RunSummary(run="r", status="failed", tasks=tasks)


def test_infrastructure_is_to_blame_only_where_nothing_else_failed() -> None:
    assert code_of_run(summary("infra", "infra")) == 3
    assert code_of_run(summary("infra", "agent")) == 1


def test_text_of_strangers_cannot_move_the_cursor() -> None:
    assert one_line("a\x1b[2J\r\nb\u202e c") == "a [2J b c"
    assert one_line("x" * 200, 10) == "x" * 9 + "…"


def test_words_for_times_and_sizes() -> None:
    assert [duration(value) for value in (None, 2.34, 75, 7500)] == ["-", "2.3s", "1m15s", "2h05m"]
    assert [size(value) for value in (5, 2048, 3 << 20, 3 << 30)] == ["5 B", "2 KiB", "3 MiB", "3.0 GiB"]
