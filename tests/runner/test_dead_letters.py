"""What failed for good is kept whole, and can be tried again."""

from __future__ import annotations

import threading

import anyio
import pytest

from runner.controller import run_swarm
from runner.dead_letters import dead_letters, find_letter, requeue
from runner.events import TaskEnded, TaskReopened
from runner.journal import Journal, Record
from runner.state import RunState, fold
from sandboxes.errors import InputError
from sandboxes.simulation.settings import Fault
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio
NOTE = {"note": {"path": "~/note.txt"}}
GIVEN = {"given": {"artifact": "first.note", "to": "~/given.txt"}}
WRONG = {"check": "text", "path": "~/note.txt", "equals": "goodbye"}
MISSING = {"click": {"role": "push button", "name": "No such button", "timeout": 0.2}}


async def test_a_dead_letter_has_task_inputs_outputs_verdict_and_last_checkpoints(lab: Laboratory) -> None:
    letters = [{"type": letter} for letter in "hello, world"]
    state = await lab.run(
        task("first", outputs=NOTE),
        task("a", *letters, {"press": "ctrl+s"}, inputs=GIVEN, outputs=NOTE, checks=[WRONG]),
        task("b", after=["a"]),
    )
    [letter] = dead_letters(state)
    assert (letter.run, letter.task, letter.attempts, letter.instruction) == (
        state.id,
        "a",
        1,
        "Write a note.",
    )
    assert (letter.kind, letter.cause) == ("contract", "check")
    assert [kept.name for kept in letter.inputs] == ["given"]
    assert lab.store.get(letter.outputs[0].sha256) == b"hello, world"
    assert [finding.ok for finding in letter.findings] == [True, False]
    assert [point.step for point in letter.checkpoints] == [9, 10, 11, 12, 13]
    assert all(lab.store.has(point.sha256) for point in letter.checkpoints)
    with pytest.raises(InputError, match=r"'b' of .* did not fail for good; there are: a"):
        find_letter(state, "b")


async def test_a_requeued_task_of_a_run_that_goes_on_is_taken_up_by_its_controller(lab: Laboratory) -> None:
    """The first desktop of `a` refuses to start; `slow` keeps the run going until `a` was tried again."""
    lab.simulate(Fault(what="refuse", labels={"task": "a", "attempt": "1"}))
    waits = {"wait_for": {"role": "push button", "name": "Never", "timeout": 2}}
    whole = swarm(task("a", retry={"infra": 0}), task("b", after=["a"]), task("slow", waits), parallel=2)

    def try_again(run: str) -> None:
        with Journal(lab.home) as journal:
            assert requeue(journal, run, "a", "ada", "the engine is back").running

    def react(record: Record, _state: RunState) -> None:
        lab.records.append(record)
        if isinstance(record.event, TaskEnded) and record.event.task == "b" and not record.event.round:
            threading.Thread(target=try_again, args=(record.run,)).start()

    with anyio.fail_after(60):
        summary = await run_swarm(whole, lab.folder, lab.home, backend="simulated", on_event=react)
    state = lab.read(summary.run)
    assert [attempt.failure for attempt in state.tasks["a"].attempts] == ["infra", None]
    assert (state.tasks["a"].status, state.tasks["b"].status) == ("succeeded", "succeeded")
    assert [(event.task, event.status, event.round) for event in _ends(lab) if event.task != "slow"] == [
        ("a", "failed", 0),
        ("b", "blocked", 0),
        ("a", "succeeded", 1),
        ("b", "succeeded", 1),
    ]
    assert [letter.task for letter in dead_letters(state)] == ["slow"]
    assert fold(lab.records) == state


async def test_a_requeued_task_of_a_run_that_is_over_waits_and_all_it_blocked_does_too(
    lab: Laboratory,
) -> None:
    state = await lab.run(task("a", MISSING), task("b", after=["a"]), task("c", after=["b"]), task("d"))
    with Journal(lab.home) as journal:
        requeue(journal, state.id, "a", "ada", "once more")
        again = fold(journal.read(state.id))
        with pytest.raises(InputError, match="there are none"):
            requeue(journal, state.id, "a", "ada", "twice")
    assert again.status == "running"
    assert {name: one.status for name, one in again.tasks.items()} == {
        "a": "waiting",
        "b": "waiting",
        "c": "waiting",
        "d": "succeeded",
    }
    assert again.frontier.ready(9) == ("a",)
    assert not again.frontier.over


def _ends(lab: Laboratory) -> list[TaskEnded]:
    assert any(isinstance(record.event, TaskReopened) for record in lab.records)
    return [record.event for record in lab.records if isinstance(record.event, TaskEnded)]
