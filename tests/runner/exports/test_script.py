"""From recorded sessions to scripts, on simulated desktops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from runner.actions import Action, short_form
from runner.exports.recording import Recording, find_recording, from_the_start
from runner.exports.script_file import script_file
from runner.exports.steps import PATIENCE_S, script_of
from runner.load import load_swarm
from runner.reexecution.branch import Wanted, branch
from runner.reexecution.record import read_record
from runner.spec import ScriptAgent, Swarm
from sandboxes.errors import InputError
from sandboxes.host import Host
from tests.runner.exports.playing import ENTRY, FILE, SAVE, SAVE_ITEM, TITLE_BAR, act, at, play, recorded
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio
DONE = {"say": "done"}
WINDOW = {"focus": {"title": "~/note.txt - Notes", "timeout": PATIENCE_S}}
_ACTION: TypeAdapter[Action] = TypeAdapter(Action)


def patient(verb: str, **target: Any) -> dict[str, Any]:
    return {verb: {**target, "timeout": PATIENCE_S}}


def steps_of(recording: Recording, lab: Laboratory) -> list[dict[str, Any]]:
    return [short_form(step.action) for step in script_of(recording, lab.store).steps]


def written(recording: Recording, lab: Laboratory, folder: Path) -> Swarm:
    """The script's swarm file, as `deskswarm run` reads it."""
    made = script_file(recording, script_of(recording, lab.store), lab.store)
    assert made.missing == ()
    for name, content in {"swarm.yaml": made.text.encode(), **made.files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return load_swarm(folder / "swarm.yaml").swarm


async def test_points_become_what_was_there(lab: Laboratory) -> None:
    recording = await recorded(
        lab,
        act({"click": at(ENTRY)}, note="there"),
        act({"type": "hello"}),
        act({"click": at(FILE)}),
        act({"click": at(SAVE_ITEM)}),
        DONE,
    )
    script = script_of(recording, lab.store)
    assert [short_form(step.action) for step in script.steps] == [
        WINDOW,
        patient("click", role="entry", name="Note"),
        {"type": "hello"},
        patient("click", role="menu", name="File"),
        patient("click", role="menu item", name="Save"),
    ]
    assert (script.located, script.fixed, script.left_out) == (3, [], [])
    assert (script.steps[1].note, script.steps[4].was) == ("there", "click (60, 107)")


async def test_where_no_object_tells_the_place_it_stays_a_point_and_is_told(lab: Laboratory) -> None:
    recording = await recorded(lab, act({"click": at(TITLE_BAR)}), DONE)
    script = script_of(recording, lab.store)
    assert short_form(script.steps[-1].action) == {"click": at(TITLE_BAR)}
    [fixed] = script.fixed
    assert (fixed.step, fixed.what) == (0, "click (300, 50): no object tells that place")


async def test_what_was_not_seen_when_it_was_clicked_stays_a_point(lab: Laboratory) -> None:
    """The agent knew that a menu would open; the record does not show it."""
    recording = await recorded(lab, act({"click": at(FILE)}, {"click": at(SAVE_ITEM)}), DONE)
    script = script_of(recording, lab.store)
    assert [step.action.do for step in script.steps] == ["focus", "click", "click"]
    assert [one.what for one in script.fixed] == [
        "click (60, 107): the screen had changed since it was last seen"
    ]


async def test_a_text_that_is_replaced_may_be_clicked_anywhere(lab: Laboratory) -> None:
    typed = act({"type": "hello"})
    placed = await recorded(lab, typed, act({"click": at(ENTRY)}), act({"type": "x"}), DONE)
    replaced = await recorded(lab, typed, act({"click": at(ENTRY)}), act({"press": "ctrl+a"}), DONE)
    assert {"click": at(ENTRY)} in steps_of(placed, lab)
    assert patient("click", role="entry", name="Note") in steps_of(replaced, lab)


async def test_what_failed_and_looks_again_are_left_out(lab: Laboratory) -> None:
    nowhere = {"click": {"role": "push button", "name": "Nowhere", "timeout": 0.05}}
    still = {"hover": at((320, 240))}  # where the pointer is on a fresh desktop
    recording = await recorded(lab, act(still), act(nowhere), act({"click": at(SAVE)}), DONE)
    script = script_of(recording, lab.store)
    assert steps_of(recording, lab) == [WINDOW, patient("click", role="push button", name="Save")]
    [left_out] = script.left_out
    assert left_out.step == 1
    assert "Nowhere" in left_out.what


async def test_the_script_runs_alone_with_its_inputs_and_checks(lab: Laboratory, tmp_path: Path) -> None:
    (lab.folder / "old.txt").write_text("old: ")
    run = await play(
        lab,
        act({"open": ["notes", "~/old.txt"]}),
        act({"click": at(ENTRY)}),
        act({"press": "ctrl+End"}, {"type": "new"}, note="a note\n      - {press: F13}"),
        act({"click": at(SAVE)}),
        DONE,
        inputs={"old": {"file": "old.txt", "to": "~/old.txt"}},
        outputs={"note": {"path": "~/old.txt"}},
        checks=[{"check": "text", "path": "~/old.txt", "contains": ["new"]}],
    )
    recording = find_recording(lab.read(run), lab.store, "a")
    again = written(recording, lab, tmp_path / "script")
    [one] = again.tasks
    assert isinstance(one.agent, ScriptAgent)
    assert (tmp_path / "script/inputs/old.txt").read_text() == "old: "
    assert (one.checks, one.outputs) == (recording.task.checks, recording.task.outputs)
    lab.folder = tmp_path / "script"
    state = await lab.run_swarm(again)
    assert (state.status, state.tasks["a"].attempts[0].reason) == ("succeeded", "")


async def test_a_task_stands_without_the_others_of_its_swarm(lab: Laboratory, tmp_path: Path) -> None:
    steps = ({"type": "hello"}, {"press": "ctrl+s"})
    first = task("first", *steps, outputs={"note": {"path": "~/note.txt"}})
    second = task("second", *steps, inputs={"note": {"artifact": "first.note", "to": "~/from-first"}})
    state = await lab.run_swarm(swarm(first, second))
    recording = find_recording(state, lab.store, "second")
    [alone] = written(recording, lab, tmp_path / "script").tasks
    assert alone.inputs["note"].file == "inputs/note"
    assert (tmp_path / "script/inputs/note").read_text() == "hello"


async def test_a_session_that_began_on_another_ones_desktop_is_refused(lab: Laboratory) -> None:
    handed = {"after": ["first"], "handoffs": {"first": {"mode": "transfer"}}}
    state = await lab.run_swarm(swarm(task("first"), task("second", **handed)))
    recording = find_recording(state, lab.store, "second")
    with pytest.raises(InputError, match="second worked on a desktop that first handed over"):
        from_the_start(recording, lab.read, lab.store)


async def test_a_branch_is_told_from_its_beginning(lab: Laboratory) -> None:
    state = await lab.run(task("a", {"type": "one "}, {"type": "tow "}, {"press": "ctrl+s"}))
    record = read_record(lab.read, lab.store, state.id, "a")
    agent = ScriptAgent.model_validate({"kind": "script", "steps": [{"type": "two"}]})
    async with Host(lab.home) as host:
        wanted = Wanted(state, record, 1, "simulated", agent)
        summary = await branch(host, wanted, lambda _: None, lab.folder / "out")
    recording = find_recording(lab.read(summary.run), lab.store, "a")
    assert len(recording.checkpoints) == 2
    told = steps_of(from_the_start(recording, lab.read, lab.store), lab)
    assert [step for step in told if "type" in step] == [{"type": "one "}, {"type": "two"}]


async def test_an_attempt_is_found_or_it_is_said_why_not(lab: Laboratory) -> None:
    failing = task(
        "a", checks=[{"check": "text", "path": "~/none", "contains": ["x"]}], retry={"contract": 1}
    )
    state = await lab.run(failing)
    assert find_recording(state, lab.store, "a").attempt.number == 2
    assert find_recording(state, lab.store, "a", 1).attempt.number == 1
    with pytest.raises(InputError, match="--attempt: 3: 'a' was tried 2 times"):
        find_recording(state, lab.store, "a", 3)
    with pytest.raises(InputError, match="task: 'b' is not in run"):
        find_recording(state, lab.store, "b")


@pytest.mark.parametrize(
    "said",
    [
        {"click": {"role": "push button", "name": "OK", "modifiers": ["ctrl"]}},
        {"fill": {"role": "entry", "text": "new"}},
        {"fill": {"target": {"text": "old"}, "text": "new"}},
        {"drag": {"start": {"at": {"x": 1, "y": 2}}, "end": {"name": "Bin"}}},
        {"scroll": {"name": "List", "dy": 3}},
        {"type": "true"},
        {"press": "ctrl+s"},
        {"press": {"keys": "Down", "count": 3}},
        {"open": ["notes", "~/note.txt"]},
        {"focus": "Notes"},
        {"wait_for": {"name": "Saved", "state": "gone", "states": ["focused"]}},
    ],
)
def test_the_short_form_is_what_one_writes(said: dict[str, Any]) -> None:
    action = _ACTION.validate_python(said)
    assert short_form(action) == said
    assert _ACTION.validate_python(short_form(action)) == action


@pytest.mark.parametrize(
    "text", ["no", "1e3", "~", "- x", "a: b", "a #b", "\x7f\x85\u2028", "'\"", "", "日本 ✓"]
)
async def test_any_text_comes_back_from_the_file(lab: Laboratory, tmp_path: Path, text: str) -> None:
    recording = await recorded(lab, act({"type": f"{text}!"}, {"fill": {**at(ENTRY), "text": text}}), DONE)
    [one] = written(recording, lab, tmp_path / "script").tasks
    assert isinstance(one.agent, ScriptAgent)
    assert [getattr(step, "text", None) for step in one.agent.steps][-2:] == [f"{text}!", text]
