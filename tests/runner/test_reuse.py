"""What an earlier run has done just so is not done again."""

from __future__ import annotations

from typing import Any

import pytest

from runner.journal import Journal
from runner.reuse import done_before
from runner.state import RunState
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio

NOTE = {"note": {"path": "~/note.txt"}}
BAD: dict[str, Any] = {"checks": [{"check": "text", "path": "~/note.txt", "equals": "goodbye"}]}


def writer(text: str = "hello", **more: Any) -> dict[str, Any]:
    return task("write", {"type": text}, {"press": "ctrl+s"}, outputs=NOTE, **more)


def reader(**more: Any) -> dict[str, Any]:
    note = {"artifact": "write.note", "to": "~/given.txt"}
    return task("read", {"type": "x"}, {"press": "ctrl+s"}, inputs={"note": note}, **more)


def reused(state: RunState) -> dict[str, str]:
    return {task.id: task.reused.run for task in state.tasks.values() if task.reused}


async def test_an_identical_finished_task_is_not_done_again(lab: Laboratory) -> None:
    first = await lab.run(writer(), reader(), reuse=True)
    assert reused(first) == {}
    second = await lab.run(writer(), reader(), reuse=True)
    assert reused(second) == {"write": first.id, "read": first.id}
    assert second.status == "succeeded"
    assert all(task.status == "succeeded" and not task.attempts for task in second.tasks.values())
    third = await lab.run(writer(), reader())
    assert reused(third) == {}
    assert all(len(task.attempts) == 1 for task in third.tasks.values())


async def test_what_depends_on_a_change_is_done_again_and_nothing_else(lab: Laboratory) -> None:
    first = await lab.run(writer(), reader(), task("other"), reuse=True)
    second = await lab.run(writer("good day"), reader(), task("other"), reuse=True)
    assert reused(second) == {"other": first.id}
    given = second.tasks["read"].attempts[0].inputs["note"]
    assert lab.store.get(given.sha256) == b"good day"


async def test_a_new_task_is_handed_what_an_earlier_run_left(lab: Laboratory) -> None:
    first = await lab.run(writer(), reader(**BAD), reuse=True)
    assert first.tasks["read"].status == "failed"
    second = await lab.run(writer(), reader(), reuse=True)
    assert reused(second) == {"write": first.id}
    attempt = second.tasks["read"].attempts[0]
    assert [received.sender for received in attempt.received] == ["write"]
    assert lab.store.get(attempt.inputs["note"].sha256) == b"hello"


async def test_what_failed_is_done_again(lab: Laboratory) -> None:
    await lab.run(writer(**BAD), reuse=True)
    state = await lab.run(writer(**BAD), reuse=True)
    assert reused(state) == {}
    assert len(state.tasks["write"].attempts) == 1


async def test_what_was_reused_can_be_reused_no_further_than_its_run(lab: Laboratory) -> None:
    first = await lab.run(writer(), reuse=True)
    await lab.run(writer(), reuse=True)
    third = await lab.run(writer(), reuse=True)
    assert reused(third) == {"write": first.id}


async def test_a_desktop_that_goes_on_makes_both_tasks_work_anew(lab: Laboratory) -> None:
    heir = task("read", {"press": "ctrl+s"}, after=["write"], handoffs={"write": {"mode": "transfer"}})
    await lab.run_swarm(swarm(writer(), heir), reuse=True)
    state = await lab.run_swarm(swarm(writer(), heir), reuse=True)
    assert reused(state) == {}
    assert state.status == "succeeded"


async def test_another_backends_work_is_not_taken(lab: Laboratory) -> None:
    state = await lab.run(writer())
    state.id, state.backend = "r-new", "bubblewrap"
    with Journal(lab.home) as journal:
        assert done_before(journal, lab.store, state) == []
        state.backend = "simulated"
        assert [one.task for one in done_before(journal, lab.store, state)] == ["write"]
