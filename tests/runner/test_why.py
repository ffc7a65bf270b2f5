"""Why a task came out as it did, told in a screen of text."""

from __future__ import annotations

import pytest

from runner.journal import Journal
from runner.state import fold
from runner.why import tell_why
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio


async def why(lab: Laboratory, name: str, *tasks: dict[str, object]) -> str:
    run = (await lab.run(*tasks)).id
    with Journal(lab.home) as journal:
        records = journal.read(run)
    return "\n".join(tell_why(fold(records), records, name))


async def test_a_task_that_failed_its_checks(lab: Laboratory) -> None:
    checks = [{"check": "text", "path": "~/note.txt", "equals": "bye"}]
    told = await why(lab, "a", task("a", checks=checks, retry={"contract": 1}), task("b", after=["a"]))
    assert told.count("FAILED: check 0: text") == 2
    assert told.count("began") == 2
    assert (
        told.index("ruling: retry fresh") < told.index("ruling: abort branch") < told.index("the task failed")
    )
    assert told.splitlines()[-1].split() == ["so", "b", "(blocked)"]
    assert "2 steps" in told or "3 steps" in told
    assert len(told.splitlines()) < 40


async def test_a_task_that_was_blocked_names_what_it_waited_for(lab: Laboratory) -> None:
    lost = task("a", {"click": {"name": "Nowhere", "timeout": 0.1}})
    told = await why(lab, "b", lost, task("b", after=["a"]))
    assert "needs   a (failed)" in told
    assert "the task blocked: a was not done" in told
