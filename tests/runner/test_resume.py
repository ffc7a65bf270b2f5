"""A controller killed at any moment: the run is taken up, and comes to what it would have come to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import anyio
import pytest

from runner.events import ActIntended, AttemptStarted, CheckpointTaken, RunStarted, TaskEnded
from runner.journal import Journal
from runner.resume import RunTaken, resume_run
from runner.spec import Swarm
from runner.state import RunState, fold, fold_decisions
from sandboxes.simulation.settings import Delay
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio

KILLS = 6
DEAD = "1:1:00000000-0000-0000-0000-000000000000"


def chain() -> Swarm:
    """Two tasks side by side, and one that needs what both left behind."""
    kept = {"note": {"path": "~/note.txt"}}
    checks = [{"check": "text", "path": "~/note.txt", "equals": "hello"}]
    inputs = {
        "first": {"artifact": "a.note", "to": "~/first.txt"},
        "second": {"artifact": "b.note", "to": "~/second.txt"},
    }
    return swarm(
        task("a", outputs=kept, checks=checks),
        task("b", outputs=kept, checks=checks),
        task("c", inputs=inputs, outputs=kept, checks=checks),
    )


def results(state: RunState) -> dict[str, tuple[str, dict[str, str]]]:
    """What a run came to: each task's status, and its outputs by their hashes."""
    return {
        task.id: (task.status, {name: kept.sha256 for name, kept in task.attempts[-1].outputs.items()})
        for task in state.tasks.values()
    }


def begin(lab: Laboratory, what: str, argument: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.runner.controller", str(lab.home), what, argument]
    return subprocess.Popen(command, env=environment)


async def events_seen(
    lab: Laboratory, before: list[str], most: int, process: subprocess.Popen[bytes]
) -> None:
    """Until the journal has so many events of a run that was not there before, or the controller is done."""
    with Journal(lab.home) as journal:
        while process.poll() is None:
            runs = journal.runs()
            if runs != before and len(journal.read(runs[0])) >= most:
                return
            await anyio.sleep(0.001)


async def test_killed_at_random_it_comes_to_the_same(lab: Laboratory, tmp_path: Path) -> None:
    random = Random(4711)
    lab.simulate(latency={"*": Delay(median_s=0.004, sigma=0.5)})
    undisturbed = results(await lab.run(*chain().model_dump(by_alias=True, exclude_unset=True)["tasks"]))
    file = tmp_path / "swarm.json"
    file.write_text(chain().model_dump_json(by_alias=True))
    for _ in range(KILLS):
        with Journal(lab.home) as journal:
            before = journal.runs()
        with begin(lab, "run", str(file)) as process, anyio.fail_after(120):
            await events_seen(lab, before, random.randint(1, 40), process)
            process.kill()
        with Journal(lab.home) as journal:
            assert journal.runs() != before
            state = fold(journal.read(journal.runs()[0]))
        if state.status == "running":
            await resume_run(state.id, lab.home)
        after = lab.read(state.id)
        assert after.status == "succeeded"
        assert results(after) == undisturbed
        assert_nothing_done_twice(lab, state.id)


def assert_nothing_done_twice(lab: Laboratory, run: str) -> None:
    """What had ended was not begun again, and each attempt cut short is told of, with its last action."""
    with Journal(lab.home) as journal:
        records = journal.read(run)
    ended: set[str] = set()
    for record in records:
        if isinstance(record.event, TaskEnded):
            assert record.event.task not in ended
            ended.add(record.event.task)
        if isinstance(record.event, AttemptStarted):
            assert record.event.task not in ended
    for one in fold(records).tasks.values():
        for attempt in one.attempts[:-1]:
            assert (attempt.status, attempt.cause) == ("cancelled", "controller_died")
            assert ("may have been carried out" in attempt.reason) == (attempt.intended is not None)


async def test_an_action_of_which_nothing_more_is_known_is_told(lab: Laboratory) -> None:
    run = abandoned(
        lab,
        AttemptStarted(task="a", attempt=1),
        ActIntended(task="a", attempt=1, step=0, action=0, does="type"),
    )
    await resume_run(run, lab.home)
    attempts = lab.read(run).tasks["a"].attempts
    assert [attempt.status for attempt in attempts] == ["cancelled", "succeeded"]
    assert attempts[0].reason == ("the controller died; action 0 of step 0 (type) may have been carried out")


async def test_a_finished_task_is_not_done_again(lab: Laboratory) -> None:
    state = await lab.run(task("a"), task("b"))
    with Journal(lab.home) as journal:
        records = journal.read(state.id)
        kept = [record.event for record in records if record.event.task == "a"]
        [first] = [record.event for record in records if isinstance(record.event, RunStarted)]
        journal.append("r-cut", first.model_copy(update={"controller": DEAD}), *kept)
    summary = await resume_run("r-cut", lab.home)
    assert summary.status == "succeeded"
    with Journal(lab.home) as journal:
        later = [record.event for record in journal.read("r-cut")][len(kept) + 1 :]
    assert {event.task for event in later} == {"", "b"}
    assert not any(isinstance(event, CheckpointTaken) and event.task == "a" for event in later)


async def test_the_state_without_steps_has_their_sums(lab: Laboratory) -> None:
    run = (await lab.run(task("a"), task("b", {"click": {"name": "Nowhere", "timeout": 0.1}}))).id
    with Journal(lab.home) as journal:
        whole, decisions = fold(journal.read(run)), fold_decisions(journal, run)
    assert decisions.ledger == whole.ledger
    for one in whole.tasks.values():
        for ours, theirs in zip(decisions.tasks[one.id].attempts, one.attempts, strict=True):
            assert (ours.steps, ours.usage, ours.reason) == (theirs.steps, theirs.usage, theirs.reason)
            assert theirs.checkpoints
            assert ours.checkpoints == []


async def test_the_steps_of_an_attempt_that_goes_on_are_in_it(lab: Laboratory) -> None:
    intended = ActIntended(task="a", attempt=1, step=0, action=0, does="type")
    run = abandoned(lab, AttemptStarted(task="a", attempt=1), intended)
    with Journal(lab.home) as journal:
        assert fold_decisions(journal, run) == fold(journal.read(run))
        assert fold_decisions(journal, run).tasks["a"].attempts[0].intended == intended


async def test_a_second_controller_is_refused(lab: Laboratory) -> None:
    lab.simulate(latency={"*": Delay(median_s=0.05)})
    file = lab.folder / "swarm.json"
    file.write_text(chain().model_dump_json(by_alias=True))
    with begin(lab, "run", str(file)) as process:
        try:
            with anyio.fail_after(60):
                await events_seen(lab, [], 3, process)
            with Journal(lab.home) as journal:
                [run] = journal.runs()
            with pytest.raises(RunTaken, match=f"process {process.pid}"):
                await resume_run(run, lab.home)
        finally:
            process.kill()


async def test_of_two_that_resume_at_once_one_is_refused(lab: Laboratory) -> None:
    run = abandoned(lab, AttemptStarted(task="a", attempt=1))
    refused: list[str] = []

    async def one() -> None:
        try:
            await resume_run(run, lab.home)
        except RunTaken as error:
            refused.append(str(error))

    async with anyio.create_task_group() as both:
        both.start_soon(one)
        both.start_soon(one)
    assert len(refused) == 1
    assert lab.read(run).status == "succeeded"


async def test_a_run_that_has_ended_is_not_resumed(lab: Laboratory) -> None:
    state = await lab.run(task("a"))
    with pytest.raises(RunTaken, match="has ended"):
        await resume_run(state.id, lab.home)


def abandoned(lab: Laboratory, *events: AttemptStarted | ActIntended) -> str:
    """A run of one task whose controller is gone."""
    from runner.plan import make_plan

    one = swarm(task("a"))
    started = RunStarted(
        swarm=one, plan=make_plan(one), backend="simulated", controller=DEAD, folder=str(lab.folder)
    )
    with Journal(lab.home) as journal:
        journal.append("r-abandoned", started, *events)
    return "r-abandoned"
