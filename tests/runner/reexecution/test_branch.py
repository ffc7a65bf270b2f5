"""Branches on simulated desktops: who goes on, from which state, and what the journal says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.agent_file import read_agent
from runner.cli.show import account
from runner.errors import SpecError
from runner.events import DesktopLeased, InputPlaced, RunStarted
from runner.journal import Journal
from runner.ownership import violations
from runner.reexecution.branch import NotReached, Wanted, branch
from runner.reexecution.record import Record, Saved
from runner.resume import RunTaken, check_resumable
from runner.spec import AgentSpec, ScriptAgent
from runner.state import RunState
from runner.why import tell_why
from sandboxes.errors import InputError
from sandboxes.host import Host
from tests.runner.laboratory import Laboratory, task
from tests.runner.reexecution.records import HASTY, again, but_also, out_of, record_of, seen_too_early
from tests.runner.reexecution.test_reexecution import ABOUT, FILE, action

pytestmark = pytest.mark.anyio
OPEN = ({"open": ["notes", "~/note.txt"]}, {"focus": "note.txt"})
STEPS = (*OPEN, {"type": "one "}, {"type": "two "}, {"type": "three"}, {"press": "ctrl+s"})
SAVED = [{"check": "text", "path": "~/note.txt", "contains": ["A draft. one two "]}]


async def recorded(lab: Laboratory, *steps: dict[str, Any], **more: Any) -> Record:
    (lab.folder / "draft.txt").write_text("A draft. ")
    files = {
        "inputs": {"draft": {"file": "draft.txt", "to": "~/note.txt"}},
        "outputs": {"note": {"path": "~/note.txt"}},
        "checks": SAVED,
    }
    state = await lab.run(task("a", *(steps or STEPS), **files, **more))
    return record_of(lab, state.id)


async def branched(lab: Laboratory, record: Record, step: int, **more: Any) -> RunState:
    wanted = Wanted(lab.read(record.run), record, step, "simulated", **more)
    async with Host(lab.home) as host:
        summary = await branch(host, wanted, lambda _: None, out_of(lab), patience=HASTY)
    return lab.read(summary.run)


def script(*steps: dict[str, Any]) -> AgentSpec:
    return ScriptAgent.model_validate({"kind": "script", "steps": steps})


def kept(lab: Laboratory, state: RunState) -> bytes:
    return lab.store.get(state.tasks["a"].attempts[-1].outputs["note"].sha256)


async def test_a_script_goes_on_with_what_it_had_not_done(lab: Laboratory) -> None:
    record = await recorded(lab)
    state = await branched(lab, record, 4)
    assert state.status == "succeeded"
    [attempt] = state.tasks["a"].attempts
    assert attempt.steps == 2
    assert kept(lab, state) == b"A draft. one two three"
    assert lab.read(record.run).status == "succeeded", "what it came from is as it was"


async def test_another_agent_finishes_it(lab: Laboratory) -> None:
    state = await branched(lab, await recorded(lab), 4, agent=script({"type": "2"}, {"press": "ctrl+s"}))
    assert (state.status, kept(lab, state)) == ("succeeded", b"A draft. one two 2")


async def test_a_failed_task_is_taken_up_from_before_it_went_wrong(lab: Laboratory) -> None:
    record = await recorded(lab, *OPEN, {"type": "one "}, {"type": "tow "}, {"press": "ctrl+s"})
    assert lab.read(record.run).tasks["a"].status == "failed"
    state = await branched(lab, record, 3, agent=script({"type": "two "}, {"press": "ctrl+s"}))
    assert state.status == "succeeded"


async def test_the_journal_says_where_it_came_from(lab: Laboratory) -> None:
    record = await recorded(lab)
    state = await branched(lab, record, 4, brief="Be quick.")
    with Journal(lab.home) as journal:
        records = journal.read(state.id)
    started = records[0].event
    assert isinstance(started, RunStarted)
    assert started.branched is not None
    origin = started.branched
    assert (origin.run, origin.task, origin.attempt, origin.step) == (record.run, "a", 1, 4)
    assert started.swarm.tasks[0].instruction == "Write a note.\n\nBe quick."
    assert [one.event.file.sha256 for one in records if isinstance(one.event, InputPlaced)] == [
        record.inputs["draft"].sha256
    ]
    assert list(violations(one.event for one in records)) == []
    assert [one.event.epoch for one in records if isinstance(one.event, DesktopLeased)] == [2]
    assert any(f"branched before step 5 of attempt 1 at a in {record.run}" in line for line in account(state))
    assert any(f"step 5 of attempt 1 at a in {record.run}" in line for line in tell_why(state, records, "a"))


async def test_a_branch_of_a_branch_begins_at_the_beginning(lab: Laboratory) -> None:
    first = await branched(lab, await recorded(lab), 3)
    record = record_of(lab, first.id)
    assert (record.before, len(record.checkpoints)) == (3, 7)
    assert (await again(lab, record)).verdict == "same"
    second = await branched(lab, record, 4, agent=script({"type": "2"}, {"press": "ctrl+s"}))
    assert kept(lab, second) == b"A draft. one two 2"
    assert second.branched is not None
    assert (second.branched.run, second.branched.step) == (first.id, 1)


async def test_a_state_that_is_not_reached_is_no_place_to_go_on_from(lab: Laboratory) -> None:
    record = but_also(await recorded(lab), 2, action(FILE), action(ABOUT))
    with pytest.raises(NotReached) as refused:
        await branched(lab, record, 5)
    report = refused.value.report
    assert report.divergence is not None
    assert report.divergence.step == 3
    assert len(lab.read(record.run).tasks) == 1
    with Journal(lab.home) as journal:
        assert len(journal.runs()) == 1, "no run was begun"


async def test_what_a_step_only_waits_for_may_be_there_already(lab: Laboratory) -> None:
    record = seen_too_early(await recorded(lab), 1)
    assert (await branched(lab, record, 1)).status == "succeeded"


async def test_without_its_snapshot_a_state_is_made_from_the_beginning(lab: Laboratory) -> None:
    record = replace(await recorded(lab, snapshots={"every": 1}), snapshots=(Saved(3, "0" * 64),))
    state = await branched(lab, record, 4)
    assert (state.status, kept(lab, state)) == ("succeeded", b"A draft. one two three")
    assert state.branched is not None
    assert state.branched.snapshot == ""


async def test_a_script_that_is_at_its_end_needs_another_agent(lab: Laboratory) -> None:
    with pytest.raises(InputError, match="has done all its steps by then; name another agent"):
        await branched(lab, await recorded(lab), 6)


async def test_a_branch_has_one_attempt_and_is_not_resumed(lab: Laboratory) -> None:
    missing = {"click": {"role": "push button", "name": "No such", "timeout": 0.1}}
    record = await recorded(lab, retry={"agent": 2}, policy={"answers": {"agent": ["retry_fresh"]}})
    state = await branched(lab, record, 4, agent=script(missing))
    assert [attempt.failure for attempt in state.tasks["a"].attempts] == ["agent"]
    assert state.status == "failed"
    state.status = "running"
    with pytest.raises(RunTaken, match="is a branch"):
        check_resumable(state)


def test_an_agent_file_holds_an_agent(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("agent:\n  kind: script\n  steps:\n    - press: ctrl+s\n")
    assert read_agent(path) == script({"press": "ctrl+s"})
    path.write_text("agent:\n  kind: script\n  steps: 7\n")
    with pytest.raises(SpecError, match=r"agent\.yaml"):
        read_agent(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_agent(tmp_path / "none.yaml")
