"""Guarded sessions on simulated desktops: what is warned of, refused and stopped, and how it is journaled."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from runner.events import Refused, Warned
from runner.monitors.refusals import RefusalsMonitor
from runner.monitors.spec import Allow, Refusals
from runner.monitors.step import read_steps
from runner.state import AttemptState, RunState
from tests.runner.laboratory import SMALL, Laboratory, swarm, task

pytestmark = pytest.mark.anyio

AGENT = """
import json, sys
turns = TURNS
for line in sys.stdin:
    view = json.loads(line)
    if view["say"] != "view":
        continue
    print(view["last"], file=sys.stderr, flush=True)
    turn = turns.pop(0) if len(turns) > 1 else turns[0]
    print(json.dumps(turn), flush=True)
"""
DONE = {"say": "done"}
NOTE = {"note": {"path": "~/note.txt"}}


def act(*actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"say": "act", "actions": list(actions), **more}


def says(lab: Laboratory, *turns: dict[str, Any], id_: str = "a", **more: Any) -> dict[str, Any]:
    """A task whose agent says these things in turn, and the last one again and again."""
    (lab.folder / f"{id_}.py").write_text(AGENT.replace("TURNS", repr(list(turns))))
    agent = {"kind": "process", "command": [sys.executable, f"{id_}.py"], "screenshots": False}
    return {"id": id_, "instruction": "Write a note.", "agent": agent, "desktop": SMALL, **more}


async def run(lab: Laboratory, one: dict[str, Any]) -> AttemptState:
    state = await lab.run(one)
    return state.tasks[one["id"]].attempts[-1]


def end(attempt: AttemptState) -> tuple[str | None, str]:
    return attempt.failure, attempt.cause


CLEAR = {"click": {"role": "push button", "name": "Clear"}}


async def test_a_loop_is_stopped_with_its_cause(lab: Laboratory) -> None:
    attempt = await run(lab, says(lab, act(CLEAR)))
    assert end(attempt) == ("agent", "repeats")
    assert "the same step on the same screen, 5 times" in attempt.reason
    assert attempt.steps < 10, "long before its 200 steps are used"


async def test_a_loop_may_be_warned_of_only(lab: Laboratory) -> None:
    monitors = {"repeats": {"then": "warn"}, "progress": {"then": "off"}}
    attempt = await run(lab, says(lab, *[act(CLEAR)] * 12, DONE, monitors=monitors))
    assert attempt.status == "succeeded"
    assert [warning.monitor for warning in attempt.warnings] == ["repeats", "repeats"]


async def test_twenty_times_the_same_key_that_changes_the_screen_is_work(lab: Laboratory) -> None:
    keys = [{"press": "x"}] * 20 + [{"press": "BackSpace"}] * 20
    attempt = await run(lab, task("a", *keys))
    assert (attempt.status, attempt.warnings) == ("succeeded", [])


async def test_no_progress_is_stopped(lab: Laboratory) -> None:
    wander = [act({"click": {"at": {"x": 600 + number, "y": 470}}}) for number in range(9)]
    again = [act({"press": "ctrl+a"}), act({"press": "Escape"}), act({"press": "ctrl+c"})]
    turns = [turn for number in range(30) for turn in (wander[number % 9], again[number % 3])]
    attempt = await run(lab, says(lab, *turns, monitors={"progress": {"steps": 30}}))
    assert end(attempt) == ("agent", "progress")


async def test_a_page_that_is_slow_to_come_is_waited_for(lab: Laboratory) -> None:
    wait = {"wait_for": {"role": "label", "name": "Never", "timeout": 0.05}}
    turns = [act(wait)] * 40
    monitors = {"progress": {"steps": 3}, "repeats": {"times": 2}}
    attempt = await run(lab, says(lab, *turns, DONE, monitors=monitors))
    assert (attempt.status, attempt.warnings) == ("succeeded", [])


async def test_what_is_not_allowed_is_refused_before_it_is_done(lab: Laboratory) -> None:
    allow = {"keys": ["ctrl+s"], "commands": ["notes"], "hosts": []}
    turns = [
        act({"type": "kept"}, {"press": "ctrl+s"}),
        act({"press": "ctrl+q"}),
        act({"type": "http://evil.example"}, {"press": "ctrl+s"}),
        DONE,
    ]
    attempt = await run(lab, says(lab, *turns, allow=allow, outputs=NOTE))
    assert attempt.status == "succeeded"
    assert [(one.monitor, one.step, one.action) for one in attempt.refusals] == [
        ("allow", 1, 0),
        ("allow", 2, 0),
    ]
    assert lab.store.get(attempt.outputs["note"].sha256) == b"kept"
    steps = read_steps(lab.store, attempt.checkpoints[-1].sha256)
    assert [done.error for done in steps[1].checkpoint.executed] == [
        "refused: the keys 'ctrl+q' are not allowed; allowed: ctrl+s"
    ]
    assert len(steps[2].checkpoint.executed) == 1, "nothing after what was refused was tried"
    said = lab.store.get(attempt.evidence["agent_log"]).decode()
    assert "refused: the host 'evil.example' is not allowed" in said, "the agent is told"


async def test_who_asks_again_and_again_for_what_is_refused_is_stopped(lab: Laboratory) -> None:
    turns = [act({"press": f"ctrl+{key}"}) for key in "abcdef"]
    attempt = await run(lab, says(lab, *turns, allow={"keys": []}))
    assert end(attempt) == ("agent", "refusals")
    assert len(attempt.refusals) == 3
    steps = read_steps(lab.store, attempt.checkpoints[-1].sha256)
    replayed = RefusalsMonitor(Refusals(), Allow(keys=()))
    assert [replayed.see(step) is not None for step in steps] == [False, False, True]


async def test_input_to_other_applications_and_windows_is_refused(lab: Laboratory) -> None:
    outside = {"click": {"at": {"x": 5, "y": 5}}}
    steps = ({"type": "fine"}, outside)
    attempt = await run(lab, task("a", *steps, allow={"applications": ["notes"]}))
    assert end(attempt) == ("agent", "gave_up")
    assert [one.reason for one in attempt.refusals] == [
        "a place outside all applications is not allowed; allowed: notes"
    ]
    about = ({"click": {"role": "menu", "name": "File"}}, {"click": {"name": "About"}}, {"press": "Escape"})
    attempt = await run(lab, task("a", *about, allow={"windows": ["~/note.txt*"]}))
    assert "the window 'About Notes' is not allowed" in attempt.refusals[0].reason


async def test_a_target_that_is_not_what_was_said_is_refused(lab: Laboratory) -> None:
    clear = (await button(lab, "Clear")) | {"role": "push button", "name": "Save"}
    attempt = await run(
        lab,
        says(lab, act({"type": "kept"}), act({"click": clear}), act({"press": "ctrl+s"}), DONE, outputs=NOTE),
    )
    [refused] = attempt.refusals
    assert (refused.monitor, refused.step) == ("targets", 1)
    assert 'there is "push button" "Clear"' in refused.reason
    assert lab.store.get(attempt.outputs["note"].sha256) == b"kept"


async def test_a_wrong_target_may_be_warned_of_only(lab: Laboratory) -> None:
    clear = (await button(lab, "Clear")) | {"name": "Save"}
    attempt = await run(lab, task("a", {"click": clear}, monitors={"targets": {"then": "warn"}}))
    assert attempt.status == "succeeded"
    assert [warning.monitor for warning in attempt.warnings] == ["targets"]


async def test_a_right_target_is_let_through(lab: Laboratory) -> None:
    clear = (await button(lab, "Clear")) | {"role": "button", "name": "Clear"}
    attempt = await run(lab, task("a", {"click": clear}))
    assert (attempt.status, attempt.warnings, attempt.refusals) == ("succeeded", [], [])


async def button(lab: Laboratory, name: str) -> dict[str, Any]:
    """Where a button is, as a point."""
    attempt = await run(lab, task("a", {"click": {"name": name}}))
    [step] = read_steps(lab.store, attempt.checkpoints[0].sha256)
    [at] = step.checkpoint.executed[0].points
    return {"at": {"x": at.x, "y": at.y}}


async def test_an_unexpected_dialog_is_warned_of_or_stops(lab: Laboratory) -> None:
    about = ({"click": {"role": "menu", "name": "File"}}, {"click": {"name": "About"}}, {"press": "Escape"})
    attempt = await run(lab, task("a", *about))
    assert (attempt.status, attempt.warnings) == ("succeeded", []), "it tells of no trouble"
    attempt = await run(lab, task("a", *about, monitors={"dialogs": {"expected": []}}))
    assert [warning.message for warning in attempt.warnings] == ["unexpected dialog: 'About Notes'"]
    attempt = await run(lab, task("a", *about, monitors={"dialogs": {"expected": [], "then": "stop"}}))
    assert end(attempt) == ("agent", "dialogs")


async def test_done_without_the_output_is_told_and_then_believed(lab: Laboratory) -> None:
    turns = [act({"type": "hello"}), DONE, act({"press": "ctrl+s"}), DONE]
    attempt = await run(lab, says(lab, *turns, outputs=NOTE))
    assert attempt.status == "succeeded"
    assert [(one.monitor, one.step, one.action) for one in attempt.refusals] == [("claims", 1, None)]
    attempt = await run(lab, says(lab, act({"type": "hello"}), DONE, outputs=NOTE))
    assert end(attempt) == ("contract", "missing"), "the validator rules"
    assert [warning.monitor for warning in attempt.warnings] == ["claims"]


async def test_done_without_the_output_may_stop_at_once(lab: Laboratory) -> None:
    claims = {"returned": 0, "then": "stop"}
    attempt = await run(lab, task("a", {"type": "x"}, outputs=NOTE, monitors={"claims": claims}))
    assert end(attempt) == ("agent", "claims")
    assert "there is no ~/note.txt" in attempt.reason


async def test_done_with_nothing_done_is_no_evidence(lab: Laboratory) -> None:
    (lab.folder / "old.txt").write_text("old")
    inputs = {"old": {"file": "old.txt", "to": "~/note.txt"}}
    attempt = await run(lab, says(lab, DONE, inputs=inputs, outputs=NOTE))
    assert end(attempt) == ("contract", "stale")
    assert attempt.refusals[0].reason == "nothing was done"


OWN = '''
def no_shouting(steps):
    """Steps are runner.monitors.step.Step."""
    for action in steps[-1].actions:
        if action.do == "type" and action.text.isupper():
            return f"shouts {action.text}, step {steps[-1].checkpoint.step}"

def broken(steps):
    return 1 / 0
'''


async def test_a_monitor_of_the_users_own(lab: Laboratory) -> None:
    (lab.folder / "mine.py").write_text(OWN)
    own = {"python": "mine:no_shouting"}
    loud = ({"type": "quiet"}, {"type": "LOUD"}, {"press": "ctrl+s"})
    attempt = await run(lab, task("a", *loud, monitors={"own": [own]}))
    assert [(one.monitor, one.message) for one in attempt.warnings] == [
        ("own", "mine:no_shouting: shouts LOUD, step 1")
    ]
    attempt = await run(lab, task("a", *loud, monitors={"own": [own | {"then": "stop"}]}))
    assert end(attempt) == ("agent", "own")


@pytest.mark.parametrize(
    ("function", "message"), [("mine:broken", "ZeroDivisionError"), ("mine:absent", "no function 'absent'")]
)
async def test_a_monitor_that_is_broken_watches_nothing_and_says_so(
    lab: Laboratory, function: str, message: str
) -> None:
    (lab.folder / "mine.py").write_text(OWN)
    attempt = await run(lab, task("a", monitors={"own": [{"python": function}]}))
    assert attempt.failure == "contract"
    assert message in attempt.reason


async def spend(lab: Laboratory, tokens: int, steps: int, *ids: str, **more: Any) -> RunState:
    turns = [act({"type": f"{number} "}, usage={"tokens": tokens}) for number in range(steps)]
    turns.append(DONE)
    tasks = [says(lab, *turns, id_=id_, **more.pop(id_, {})) for id_ in ids]
    return await lab.run_swarm(swarm(*tasks, parallel=1, **more))


async def test_the_budget_of_the_run_stops_all_and_starts_no_desktop_in_vain(lab: Laboratory) -> None:
    state = await spend(lab, 30, 3, "a", "b", "c", budget={"tokens": 100})
    ends = [end(state.tasks[id_].attempts[-1]) for id_ in "abc"]
    assert ends == [(None, ""), ("budget", "run_tokens"), ("budget", "run_tokens")]
    assert state.tasks["c"].attempts[0].desktop is None
    warnings = [warning for id_ in "abc" for warning in state.tasks[id_].attempts[0].warnings]
    assert [(one.monitor, one.message) for one in warnings] == [
        ("budget.run_tokens", "90 of 100 tokens used of the run")
    ]


async def test_a_tier_is_a_budget_that_some_tasks_share(lab: Laboratory) -> None:
    tier = {"tier": "cheap"}
    state = await spend(lab, 30, 2, "a", "b", "c", a=tier, b=tier, tiers={"cheap": {"tokens": 90}})
    assert [end(state.tasks[id_].attempts[-1])[1] for id_ in "abc"] == ["", "tier_tokens", ""]


async def test_all_attempts_of_a_task_share_its_total(lab: Laboratory) -> None:
    one = says(lab, act({"type": "x"}, usage={"tokens": 30}), {"say": "failed", "reason": "no"})
    one |= {"total": {"tokens": 50}, "retry": {"agent": 5, "budget": 5}}
    state = await lab.run(one)
    attempts = state.tasks["a"].attempts
    assert [attempt.cause for attempt in attempts[:2]] == ["gave_up", "task_tokens"]
    assert attempts[1].steps == 1, "the decision that passed the limit was the last"
    assert all(attempt.desktop is None for attempt in attempts[2:])


async def test_a_warning_comes_before_each_hard_stop(lab: Laboratory) -> None:
    attempt = await run(lab, says(lab, act({"type": "x"}), budget={"steps": 10}))
    assert end(attempt) == ("budget", "steps")
    assert [(one.monitor, one.step) for one in attempt.warnings] == [("budget.steps", 8)]


async def test_the_time_of_the_run_is_a_hard_stop_in_the_middle_of_an_action(lab: Laboratory) -> None:
    wait = {"wait_for": {"role": "label", "name": "Never", "timeout": 60}}
    state = await lab.run_swarm(swarm(task("a", wait), budget={"wall_s": 1}))
    assert end(state.tasks["a"].attempts[-1]) == ("budget", "run_wall_s")


async def test_warnings_and_refusals_are_events_of_the_journal(lab: Laboratory) -> None:
    await run(lab, says(lab, act({"press": "a"}), DONE, allow={"keys": []}))
    kinds = {type(record.event) for record in lab.records}
    assert Refused in kinds
    await run(lab, says(lab, act({"type": "x"}), budget={"steps": 2}))
    assert Warned in {type(record.event) for record in lab.records}
