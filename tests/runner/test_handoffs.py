"""Handoffs on simulated desktops: what is sent and acknowledged, what is refused, who owns the desktop."""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import pytest

from runner import conductor
from runner.copies import check_modes
from runner.errors import SpecError
from runner.events import (
    DesktopHandedOver,
    DesktopLeased,
    DesktopReleased,
    Event,
    HandoffReceived,
    HandoffSent,
    InputRead,
    InputsUnread,
    TaskReopened,
)
from runner.outcome import Outcome
from runner.ownership import violations
from runner.state import RunState
from runner.worker import Worker
from sandboxes import host as hosts
from sandboxes.admission import HostLimits
from sandboxes.desktop import Desktop
from sandboxes.errors import InputError
from sandboxes.simulation.settings import Fault
from sandboxes.spec import Capabilities
from tests.runner.laboratory import SMALL, Laboratory, swarm, task

pytestmark = pytest.mark.anyio
NOTE = {"note": {"path": "~/note.txt"}}
TYPES, SAVES = {"type": "hello"}, {"press": "ctrl+s"}
GIVEN = {"given": {"artifact": "a.note", "to": "~/given.txt"}}
SAVED = {"check": "text", "path": "~/note.txt", "equals": "hello"}

AGENT = """
import json, sys
replies = iter(json.loads(sys.argv[1]))
log = open(sys.argv[2], "a")
for line in sys.stdin:
    if json.loads(line)["say"] == "view":
        view = json.loads(line)
        log.write(json.dumps({"briefings": view["briefings"], "answer": view["answer"]}) + "\\n")
        log.flush()
        print(json.dumps(next(replies)), flush=True)
"""


def speaker(lab: Laboratory, id_: str, *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A task whose agent says these things; what it is shown goes to a file of the task's name."""
    (lab.folder / "speaker.py").write_text(AGENT)
    command = [sys.executable, "speaker.py", json.dumps(replies), id_]
    agent = {"kind": "process", "command": command, "screenshots": False}
    return {"id": id_, "instruction": f"Do {id_}.", "agent": agent, "desktop": SMALL, **more}


def shown(lab: Laboratory, id_: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (lab.folder / id_).read_text().splitlines()]


def act(*actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"say": "act", "actions": list(actions), **more}


def events(lab: Laboratory, kind: type[Event]) -> list[Any]:
    return [record.event for record in lab.records if isinstance(record.event, kind)]


def assert_one_owner(lab: Laboratory) -> None:
    assert list(violations(record.event for record in lab.records)) == []


async def test_a_handoff_is_sent_shown_and_acknowledged_input_by_input(lab: Laboratory) -> None:
    done = {"say": "done", "brief": "The note says hello.", "questions": ["Is it polite enough?"]}
    first = speaker(lab, "a", act(TYPES, SAVES), done, outputs=NOTE)
    how = {"a": {"intent": "to check it", "questions": ["Who reads it?"]}}
    inputs = {**GIVEN, "again": {"artifact": "a.note", "to": "~/again.txt"}}
    said = [act(TYPES, read=["given"]), {"say": "done"}]
    state = await lab.run(first, speaker(lab, "b", *said, inputs=inputs, handoffs=how))
    assert state.status == "succeeded"
    kept = state.tasks["a"].attempts[0].outputs["note"].sha256
    [sent] = events(lab, HandoffSent)
    assert (sent.to, sent.mode, sent.brief, sent.tokens) == ("b", "fresh", "The note says hello.", 5)
    assert (sent.inputs, sent.contract) == ({"given": kept, "again": kept}, state.plan.tasks[0].hash)
    assert shown(lab, "b")[0]["briefings"] == [
        {
            "sender": "a",
            "intent": "to check it",
            "brief": "The note says hello.",
            "inputs": ["given", "again"],
            "questions": ["Who reads it?", "Is it polite enough?"],
        }
    ]
    [received] = events(lab, HandoffReceived)
    assert (received.task, received.sender, received.sender_attempt) == ("b", "a", 1)
    [read] = events(lab, InputRead)
    assert (read.name, read.sha256, read.how) == ("given", kept, "said")
    assert [event.names for event in events(lab, InputsUnread)] == [("again",)]
    assert state.tasks["b"].attempts[0].read["given"] == read


async def test_an_input_whose_file_an_action_names_was_read(lab: Laboratory) -> None:
    opens = task("b", {"open": ["editor", "~/given.txt"]}, inputs=GIVEN)
    await lab.run(task("a", outputs=NOTE), opens)
    assert [event.how for event in events(lab, InputRead)] == ["named"]
    assert events(lab, InputsUnread) == []


async def test_an_input_that_must_be_read_and_is_not_fails_the_attempt(lab: Laboratory) -> None:
    state = await lab.run(
        task("a", outputs=NOTE), task("b", inputs=GIVEN, handoffs={"a": {"must_read": True}})
    )
    attempt = state.tasks["b"].attempts[0]
    assert (attempt.failure, attempt.cause, attempt.reason) == (
        "contract",
        "unread",
        "never read: given from a",
    )


async def test_a_brief_over_its_limit_is_refused_never_cut(lab: Laboratory) -> None:
    first = speaker(lab, "a", act(TYPES), {"say": "done", "brief": "word " * 100})
    second = task("b", after=["a"], handoffs={"a": {"max_tokens": 50}})
    state = await lab.run(first, second)
    attempt = state.tasks["a"].attempts[0]
    assert (attempt.failure, attempt.cause) == ("contract", "brief")
    assert attempt.reason == "the brief for b has 125 tokens; at most 50 are handed on, uncut"
    assert state.tasks["b"].status == "blocked"
    assert events(lab, HandoffSent) == []


@pytest.mark.parametrize(
    ("handoffs", "problem"),
    [
        ({"b": {"a": {"brief": "word " * 500}}}, "handoffs.a.brief: 625 tokens are over the limit of 500"),
        (
            {"b": {"a": {"mode": "transfer"}}, "c": {"a": {"mode": "transfer"}}},
            "b takes over the desktop of a",
        ),
        ({"c": {"a": {"mode": "transfer"}, "b": {"mode": "fork"}}}, "cannot both hand theirs over"),
        ({"b": {"c": {}}}, "does not wait for"),
    ],
)
async def test_what_cannot_work_is_refused_before_anything_starts(
    lab: Laboratory, handoffs: dict[str, Any], problem: str
) -> None:
    needs = {"a": [], "b": ["a"], "c": ["a", "b"]}
    tasks = [task(name, after=after, handoffs=handoffs.get(name, {})) for name, after in needs.items()]
    with pytest.raises(SpecError, match=problem):
        await lab.run(*tasks)


def test_a_fork_where_the_backend_cannot_is_refused() -> None:
    """Also by one that can save desktops: what was not saved in them would not be in the copy."""
    forks = swarm(task("a"), task("b", after=["a"], handoffs={"a": {"mode": "fork"}}))
    with pytest.raises(InputError, match=r"'b': handoffs\.a\.mode: backend 'some' cannot fork a running"):
        check_modes(forks, "some", Capabilities(snapshots="filesystem"))
    check_modes(forks, "some", Capabilities(snapshots="machine", live_fork=True))


# --- the very desktop ------------------------------------------------------------------------------


def hands_over(mode: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first types and does not save; the second only saves."""
    first = task("a", TYPES)
    second = task(
        "b", SAVES, after=["a"], handoffs={"a": {"mode": mode}}, outputs=NOTE, checks=[SAVED], **more
    )
    return first, second


async def test_what_was_not_saved_survives_a_transfer_and_not_a_fresh_start(lab: Laboratory) -> None:
    moved = await lab.run(*hands_over("transfer"))
    assert moved.status == "succeeded"
    [before, after] = events(lab, DesktopLeased)
    [handed] = events(lab, DesktopHandedOver)
    assert before.desktop == handed.desktop == after.desktop
    assert (before.epoch, handed.epoch, after.epoch) == (1, 2, 3)
    assert_one_owner(lab)
    lab.records.clear()
    fresh = await lab.run(*hands_over("fresh"))
    assert (fresh.tasks["b"].status, fresh.tasks["b"].attempts[0].failure) == ("failed", "contract")
    assert_one_owner(lab)


async def test_a_transferred_desktop_that_dies_is_made_anew_by_its_sender(lab: Laboratory) -> None:
    # Both tasks act on one desktop: its second action is the receiver's first.
    lab.simulate(Fault(what="die", at_action=2, times=1))
    state = await lab.run(*hands_over("transfer"))
    assert state.status == "succeeded"
    assert [attempt.failure for attempt in state.tasks["b"].attempts] == ["infra", None]
    assert [attempt.failure for attempt in state.tasks["a"].attempts] == [None, None]
    [again] = events(lab, TaskReopened)
    assert (again.task, again.needed_by, again.by) == ("a", "b", "controller")
    assert_one_owner(lab)


async def test_a_chain_of_transfers_is_made_anew_from_its_beginning(lab: Laboratory) -> None:
    lab.simulate(Fault(what="die", at_action=3, times=1))
    chain = [
        task("a", {"type": "h"}),
        task("b", {"type": "e"}, after=["a"], handoffs={"a": {"mode": "transfer"}}),
        task("c", {"type": "y"}, SAVES, after=["b"], handoffs={"b": {"mode": "transfer"}}, outputs=NOTE),
    ]
    state = await lab.run(*chain)
    assert state.status == "succeeded"
    assert {name: len(one.attempts) for name, one in state.tasks.items()} == {"a": 2, "b": 2, "c": 2}
    assert lab.store.get(state.tasks["c"].attempts[-1].outputs["note"].sha256) == b"hey"
    assert_one_owner(lab)


async def test_a_desktop_nobody_takes_any_more_is_ended(lab: Laboratory) -> None:
    missing = {"click": {"role": "push button", "name": "No such button", "timeout": 0.2}}
    first, second = hands_over("transfer")
    second["after"] = ["a", "x"]
    state = await lab.run(first, task("x", missing), second)
    assert state.tasks["b"].status == "blocked"
    [released] = events(lab, DesktopReleased)
    assert released.desktop == events(lab, DesktopHandedOver)[0].desktop
    assert_one_owner(lab)


async def test_five_agents_in_a_row_on_one_desktop(lab: Laboratory) -> None:
    letters = "swarm"
    tasks = [
        task(
            f"t{index}",
            {"type": letter},
            *([SAVES] if index == 4 else []),
            **(
                {"handoffs": {f"t{index - 1}": {"mode": "transfer"}}, "after": [f"t{index - 1}"]}
                if index
                else {}
            ),
            **({"outputs": NOTE} if index == 4 else {}),
        )
        for index, letter in enumerate(letters)
    ]
    state = await lab.run(*tasks)
    assert state.status == "succeeded"
    assert lab.store.get(state.tasks["t4"].attempts[0].outputs["note"].sha256) == b"swarm"
    assert [event.epoch for event in events(lab, DesktopLeased)] == [1, 3, 5, 7, 9]
    assert_one_owner(lab)


async def test_a_transfer_needs_no_second_desktop(lab: Laboratory) -> None:
    state: RunState = await lab.run(*hands_over("transfer"), parallel=1)
    assert len({attempt.desktop for one in state.tasks.values() for attempt in one.attempts}) == 1


async def test_a_desktop_on_its_way_from_an_attempt_that_failed_after_all_is_ended(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The desktop is handed over, and then the attempt's time with its lock is up."""
    hand_on = Worker._hand_on  # noqa: SLF001 (the moment cannot be hit from outside)

    async def and_then_wait(worker: Worker, desktop: Desktop) -> Outcome:
        outcome = await hand_on(worker, desktop)
        if worker.attempt.task.id == "a":
            await anyio.sleep_forever()
        return outcome

    monkeypatch.setattr(Worker, "_hand_on", and_then_wait)
    first, second = hands_over("transfer")
    first["locks"] = ["account"]
    with anyio.fail_after(60):
        state = await lab.run_swarm(swarm(first, second, locks={"account": {"hold_s": 1}}))
    assert (state.tasks["a"].attempts[0].cause, state.tasks["b"].status) == ("lock", "blocked")
    assert [event.task for event in events(lab, DesktopReleased)] == ["b"]
    assert_one_owner(lab)


async def test_a_desktop_held_for_a_task_gives_way_where_all_others_wait_for_room(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for one desktop, `x` could never start while that of `a` is held for `b`, which needs `x`."""
    monkeypatch.setattr(conductor, "_LOOK_S", 0.05)
    first, second = hands_over("transfer")
    second["after"] = ["a", "x"]
    with anyio.fail_after(120):
        state = await lab.run(first, task("x"), second, limits=HostLimits(max_desktops=1), parallel=1)
    assert state.status == "succeeded"
    assert events(lab, DesktopReleased)[0].task == events(lab, TaskReopened)[0].needed_by == "b"
    assert len(state.tasks["a"].attempts) == 2
    assert_one_owner(lab)


# --- copies of it ----------------------------------------------------------------------------------


def forks(*receivers: str) -> list[dict[str, Any]]:
    """What the first typed and did not save, each of the others saves under a word of its own."""
    checks = [{"check": "text", "path": "~/note.txt", "contains": ["hello"]}]
    how: dict[str, Any] = {"after": ["a"], "handoffs": {"a": {"mode": "fork"}}}
    copies = [task(name, {"type": name}, SAVES, outputs=NOTE, checks=checks, **how) for name in receivers]
    return [task("a", TYPES), *copies]


async def test_what_was_not_saved_is_in_every_copy_and_each_goes_its_own_way(lab: Laboratory) -> None:
    taken = task("d", SAVES, after=["a"], handoffs={"a": {"mode": "transfer"}}, outputs=NOTE)
    state = await lab.run(*forks("b", "c"), taken)
    assert state.status == "succeeded"
    notes = {name: lab.store.get(state.tasks[name].attempts[0].outputs["note"].sha256) for name in "bcd"}
    assert notes == {"b": b"hellob", "c": b"helloc", "d": b"hello"}
    handed = {event.to: event for event in events(lab, DesktopHandedOver)}
    source = state.tasks["a"].attempts[0].desktop
    assert {name: event.fork_of for name, event in handed.items()} == {"b": source, "c": source, "d": None}
    leased = {event.task: (event.desktop, event.epoch) for event in events(lab, DesktopLeased)}
    assert leased["b"] == (handed["b"].desktop, 2)
    assert len({desktop for desktop, _ in leased.values()}) == 3
    assert_one_owner(lab)


async def test_a_copy_that_dies_is_made_anew_by_its_source(lab: Laboratory) -> None:
    """The source acts once; its copy, which bears its labels, twice."""
    lab.simulate(Fault(what="die", labels={"task": "a", "attempt": "1"}, at_action=2))
    state = await lab.run(*forks("b"))
    assert state.status == "succeeded"
    assert [attempt.failure for attempt in state.tasks["b"].attempts] == ["infra", None]
    assert [attempt.failure for attempt in state.tasks["a"].attempts] == [None, None]
    assert_one_owner(lab)


async def test_a_copy_there_is_no_room_for_fails_its_source_and_does_not_wait_for_it(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_ROOM_FOR_A_COPY_S", 0.1)
    with anyio.fail_after(60):
        state = await lab.run(*forks("b"), limits=HostLimits(max_desktops=1))
    failed = state.tasks["a"].attempts[0]
    assert (failed.failure, state.tasks["b"].status) == ("infra", "blocked")
    assert failed.reason == "no room within 0.1 s: 1 desktops run, and 1 are the most"
    assert_one_owner(lab)
