"""Subscriptions: every checkpoint, from any step, in any process, and no agent waits for a reader."""

from __future__ import annotations

import re
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from runner.stream import CheckpointView, subscribe
from sandboxes.errors import InputError
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "checkpoints.md"
STEPS = [{"type": str(step)} for step in range(5)]


async def all_of(
    lab: Laboratory, run: str, task: str | None = None, after: int | None = None
) -> list[CheckpointView]:
    return [view async for view in subscribe(lab.home, run, task, after)]


def places(views: list[CheckpointView]) -> list[tuple[str, int]]:
    return sorted((view.checkpoint.task, view.checkpoint.step) for view in views)


async def test_a_run_that_is_over_is_read_from_any_step(lab: Laboratory) -> None:
    state = await lab.run(task("a", *STEPS), task("b", *STEPS))
    everything = await all_of(lab, state.id)
    assert places(everything) == [(name, step) for name in "ab" for step in range(6)]
    assert [view.seq for view in everything] == sorted(view.seq for view in everything)
    assert places(await all_of(lab, state.id, "b")) == [("b", step) for step in range(6)]
    assert places(await all_of(lab, state.id, "b", 3)) == [("b", 4), ("b", 5)]
    assert await all_of(lab, state.id, after=5) == []


async def test_a_view_has_what_was_seen(lab: Laboratory) -> None:
    state = await lab.run(task("a", *STEPS))
    first, *_, last = await all_of(lab, state.id)
    assert ((await first.frame()).width, (await first.frame()).height) == (640, 480)
    assert (await last.frame()).changed_from(await first.frame())
    assert any("01234" in node.text for node in (await last.tree()).nodes)


async def test_what_is_not_there_is_told(lab: Laboratory) -> None:
    state = await lab.run(task("a"))
    with pytest.raises(InputError, match="not in the journal"):
        await all_of(lab, "r-none")
    with pytest.raises(InputError, match="it has a"):
        await all_of(lab, state.id, "none")


async def test_steps_come_while_the_run_goes_on(lab: Laboratory) -> None:
    """The run waits for what never comes, so whoever waited for its end would see nothing."""
    endless = {"wait_for": {"role": "push button", "name": "Never", "timeout": 120}}
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lab.run, task("a", *STEPS, endless))
            while not lab.records:
                await anyio.lowlevel.checkpoint()
            async with aclosing(subscribe(lab.home, lab.records[0].run)) as views:
                seen = [(await anext(views)).checkpoint.step for _ in STEPS]
            tasks.cancel_scope.cancel()
    assert seen == [0, 1, 2, 3, 4]


async def test_a_reader_that_stands_still_holds_nobody_up(lab: Laboratory) -> None:
    """The run ends while twenty readers hold what they were given first; then they have all of it."""
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            over = anyio.Event()
            counts: list[int] = []

            async def read(run: str) -> None:
                count = 0
                async for _ in subscribe(lab.home, run):
                    count += 1
                    await over.wait()
                counts.append(count)

            async def run() -> None:
                await lab.run(task("a", *STEPS), task("b", *STEPS))
                over.set()

            tasks.start_soon(run)
            while not lab.records:
                await anyio.lowlevel.checkpoint()
            for _ in range(20):
                tasks.start_soon(read, lab.records[0].run)
    assert counts == [12] * 20


async def test_the_example_of_the_documentation_runs(
    lab: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), names)
    state = await lab.run(task("write", *STEPS))
    await names["tell"](lab.home, state.id)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["4", "5"]
