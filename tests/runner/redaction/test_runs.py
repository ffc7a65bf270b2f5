"""Runs with secrets: whatever an agent does with one, it is found nowhere afterwards."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

from runner.checkpoints import read_chain
from runner.drill.play import play
from runner.drill.rehearsal import Rehearsal
from runner.drill.stage import Scene
from runner.errors import SpecError
from runner.events import Asked, HandoffSent, RunStarted
from runner.frames import read_frame
from runner.journal import Journal
from runner.plan import make_plan
from runner.resume import resume_run
from runner.state import AttemptState
from sandboxes.errors import InputError
from tests.runner.laboratory import SMALL, Laboratory, swarm, task
from tests.runner.redaction.remains import found_in

pytestmark = pytest.mark.anyio
VALUE = "Tr0ub4dor&3 zebra"
DECLARED = {"secrets": {"bank": {"env": "R_BANK"}}}
DEAD = "1:1:00000000-0000-0000-0000-000000000000"
TYPED = {"type": {"secret": "bank"}}


@pytest.fixture(autouse=True)
def bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R_BANK", VALUE)


def program(lab: Laboratory, name: str, *replies: str, end: str = "") -> dict[str, Any]:
    """An agent that gives these answers; in each, `S` is the value."""
    lines = [f"S = {'os.environ[chr(82) + chr(95) + chr(66) + chr(65) + chr(78) + chr(75)]'}"]
    lines += [f"next(sys.stdin)\nprint(json.dumps({reply}), flush=True)" for reply in replies]
    text = "\n".join(["import json, os, sys", "next(sys.stdin)", *lines, end])
    (lab.folder / f"{name}.py").write_text(text)
    return {"kind": "process", "command": [sys.executable, f"{name}.py"]}


async def attempts(lab: Laboratory, *tasks: dict[str, Any]) -> dict[str, AttemptState]:
    state = await lab.run_swarm(swarm(*tasks, **DECLARED))
    return {name: one.attempts[-1] for name, one in state.tasks.items()}


async def test_a_secret_is_typed_and_only_its_name_is_kept(lab: Laboratory) -> None:
    fill = {"fill": {"role": "entry", "name": "Note", "secret": "bank"}}
    one = task("a", TYPED, fill, {"press": "ctrl+s"}, secrets=["bank"])
    check = {"check": "text", "path": "~/note.txt", "equals": "other"}
    attempt = (await attempts(lab, {**one, "checks": [check]}))["a"]
    assert attempt.cause == "check", "what it typed was saved"
    assert "[secret bank]" in attempt.reason
    steps = read_chain(lab.store, attempt.checkpoints[-1].sha256)
    assert [done.action.model_dump()["secret"] for step in steps[:2] for done in step.executed] == [
        "bank"
    ] * 2
    assert all(done.ok for step in steps for done in step.executed)
    assert (read_frame(lab.store, steps[1].screen.frame).pixels == 0).mean() > 0.1
    assert found_in(lab.home, VALUE) == []


async def test_an_agent_that_tells_a_secret_everywhere_is_not_recorded_with_it(lab: Laboratory) -> None:
    actions = '[{"type": S}, {"click": {"name": S, "timeout": 0.1}}]'
    acts = f'{{"say": "act", "note": "I type " + S, "actions": {actions}}}'
    asks = '{"say": "ask", "question": "is it " + S, "context": S, "default": S}'
    fails = '{"say": "failed", "reason": "refused: " + S}'
    done = '{"say": "done", "note": S, "brief": "log in with " + S, "questions": [S + "?"]}'
    log = "print('log', S, file=sys.stderr)"
    everywhere = program(lab, "everywhere", acts, asks, fails, end=log)
    teller = program(lab, "teller", done)
    nonsense = program(lab, "nonsense", '"x" * 190 + S', end=log)
    told = await attempts(
        lab,
        {"id": "a", "instruction": "Tell.", "agent": everywhere, "desktop": SMALL, "secrets": ["bank"],
         "escalate": {"path": [{"to": "x", "within_s": 0.1}]}},
        {"id": "b", "instruction": "Hand on.", "agent": teller, "desktop": SMALL},
        task("c", {"press": "a"}, after=["b"]),
        {"id": "d", "instruction": "Talk nonsense.", "agent": nonsense, "desktop": SMALL},
    )  # fmt: skip
    assert told["a"].reason == "refused: [secret bank]"
    assert "is no decision" in told["d"].reason
    assert b"log [secret bank]" in lab.store.get(told["a"].evidence["agent_log"])
    events = [record.event for record in lab.records]
    assert [event.brief for event in events if isinstance(event, HandoffSent)] == [
        "log in with [secret bank]"
    ]
    assert [event.question for event in events if isinstance(event, Asked)] == ["is it [secret bank]"]
    assert found_in(lab.home, VALUE) == []


async def test_an_output_that_holds_a_secret_is_not_kept(lab: Laboratory) -> None:
    one = task("a", TYPED, {"press": "ctrl+s"}, secrets=["bank"], outputs={"note": {"path": "~/note.txt"}})
    attempt = (await attempts(lab, one))["a"]
    assert (attempt.failure, attempt.cause) == ("contract", "secret")
    assert attempt.reason == "output note: ~/note.txt holds the secret bank; it was not kept"
    assert attempt.outputs == {}
    assert found_in(lab.home, VALUE) == []


async def test_what_a_run_without_redaction_would_leave_is_found(lab: Laboratory) -> None:
    """The search itself works."""
    await lab.run(task("a", {"type": VALUE}))
    assert len(found_in(lab.home, VALUE)) > 10


async def test_a_task_types_only_its_own_secrets(lab: Laboratory) -> None:
    attempt = (await attempts(lab, task("a", TYPED)))["a"]
    assert (attempt.failure, attempt.reason.partition(": ")[2]) == (
        "agent", "secret: the task may not use 'bank'; its `secrets` list those it may"
    )  # fmt: skip


async def test_a_resumed_run_has_its_secrets_from_the_environment(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = swarm(task("a", TYPED, secrets=["bank"]), **DECLARED)
    started = RunStarted(
        swarm=whole, plan=make_plan(whole), backend="simulated", controller=DEAD, folder=str(lab.folder)
    )
    with Journal(lab.home) as journal:
        journal.append("r-cut", started)
    monkeypatch.delenv("R_BANK")
    with pytest.raises(InputError, match="the environment variable R_BANK"):
        await resume_run("r-cut", lab.home)
    monkeypatch.setenv("R_BANK", VALUE)
    assert (await resume_run("r-cut", lab.home)).status == "succeeded"
    assert found_in(lab.home, VALUE) == []


async def test_only_a_drill_in_which_work_is_played_needs_no_secrets(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = swarm(task("a", TYPED, secrets=["bank"]), **DECLARED)
    rehearsal = Rehearsal(whole, lab.folder)
    assert (await play(Scene(rehearsal), lab.home, "simulated")).state.status == "succeeded"
    assert found_in(lab.home, VALUE) == []
    monkeypatch.delenv("R_BANK")
    assert (
        await play(Scene(replace(rehearsal, played=True)), lab.home, "simulated")
    ).state.status == "succeeded"
    with pytest.raises(InputError, match="the environment variable R_BANK"):
        await play(Scene(rehearsal), lab.home, "simulated")


async def test_regions_are_hidden_in_every_step(lab: Laboratory) -> None:
    one = task("a", {"type": VALUE}, redact=[{"role": "entry"}, {"x": 0, "y": 0, "width": 640, "height": 20}])
    attempt = (await lab.run(one)).tasks["a"].attempts[-1]
    for step in read_chain(lab.store, attempt.checkpoints[-1].sha256):
        pixels = read_frame(lab.store, step.screen.frame).pixels
        assert (pixels[:20] == 0).all()


async def test_work_that_is_hidden_is_no_loop(lab: Laboratory) -> None:
    all_of_it = {"x": 0, "y": 0, "width": 640, "height": 480}
    attempt = (await attempts(lab, task("a", *[{"type": "x"}] * 20, redact=[all_of_it])))["a"]
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    frames = {step.screen.frame for step in read_chain(lab.store, attempt.checkpoints[-1].sha256)}
    assert len(frames) == 1, "what is kept is the same at each step"


async def test_nothing_starts_where_a_secret_is_not_as_it_must_be(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"secrets\.bank: its value stands in the swarm itself"):
        await attempts(lab, task("a", {"type": VALUE}))
    monkeypatch.delenv("R_BANK")
    with pytest.raises(
        InputError, match=r"secrets\.bank: the environment variable R_BANK is empty or not there"
    ):
        await attempts(lab, task("a", TYPED, secrets=["bank"]))
    with pytest.raises(
        SpecError, match=r"tasks\[0\]\.secrets\[0\]: no secret is named 'bnk'; did you mean 'bank'"
    ):
        await attempts(lab, task("a", TYPED, secrets=["bnk"]))
    assert not (lab.home / "journal.db").exists()
