"""Re-execution on simulated desktops: what is the same, where it parts, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from PIL import Image
from pydantic import TypeAdapter

from runner.actions import Action
from runner.artifacts import sha256
from runner.events import Kept
from runner.reexecution.record import Record
from sandboxes.errors import InputError
from tests.runner.laboratory import Laboratory, task
from tests.runner.reexecution.records import (
    again,
    but_also,
    by_coordinates,
    out_of,
    record_of,
    seen_too_early,
)

pytestmark = pytest.mark.anyio
STEPS = (
    {"open": ["notes", "~/note.txt"]},
    {"focus": "note.txt"},
    {"press": "ctrl+a"},
    {"type": "Reconciled.\n"},
    {"click": {"role": "menu", "name": "File"}},
    {"click": {"role": "menu item", "name": "Save"}},
)
ABOUT = {"click": {"role": "menu item", "name": "About"}}
FILE = {"click": {"role": "menu", "name": "File"}}


def action(value: Mapping[str, object]) -> Action:
    return TypeAdapter[Action](Action).validate_python(value)


async def recorded(lab: Laboratory) -> Record:
    (lab.folder / "draft.txt").write_text("A draft.")
    files = {
        "inputs": {"draft": {"file": "draft.txt", "to": "~/note.txt"}},
        "outputs": {"note": {"path": "~/note.txt"}},
    }
    state = await lab.run(task("a", *STEPS, **files))
    assert state.status == "succeeded"
    return record_of(lab, state.id)


async def test_what_was_done_is_done_again_and_is_the_same(lab: Laboratory) -> None:
    report = await again(lab, await recorded(lab))
    assert (report.verdict, report.divergence) == ("same", None)
    assert [step.level for step in report.steps] == ["exact"] * len(report.steps)
    assert len(report.steps) == len(STEPS) + 1
    assert [(output.name, output.same) for output in report.outputs] == [("note", True)]


async def test_inputs_come_from_the_store_by_their_hash(lab: Laboratory) -> None:
    record = await recorded(lab)
    (lab.folder / "draft.txt").write_text("Another draft.")
    assert (await again(lab, record)).verdict == "same"


async def test_a_missing_file_is_told_where_it_first_shows(lab: Laboratory) -> None:
    report = await again(lab, replace(await recorded(lab), inputs={}))
    assert report.verdict == "diverged"
    assert report.divergence is not None
    assert report.divergence.step in (1, 2)
    told = " ".join(report.divergence.reasons)
    assert "entry 'Note' of frame '~/note.txt - Notes' holds '', not 'A draft.'" in told
    assert report.divergence.regions


async def test_another_content_is_told_with_both(lab: Laboratory) -> None:
    record = await recorded(lab)
    digest = lab.store.put(b"Something else.")
    assert digest == sha256(b"Something else.")
    other = Kept(name="draft", path="~/note.txt", sha256=digest, bytes=15)
    report = await again(lab, replace(record, inputs={"draft": other}))
    assert report.divergence is not None
    assert "holds 'Something else.', not 'A draft.'" in " ".join(report.divergence.reasons)


async def test_a_dialog_that_was_not_there_stops_it_at_its_step(lab: Laboratory) -> None:
    record = but_also(await recorded(lab), 2, action(FILE), action(ABOUT))
    report = await again(lab, record)
    assert report.divergence is not None
    assert report.divergence.step == 3
    assert "a window 'About Notes' is there that was not" in report.divergence.reasons
    assert report.steps[-1].step == 3, "nothing was done after it"


async def test_a_menu_that_does_not_open_is_missed_by_its_items(lab: Laboratory) -> None:
    record = but_also(await recorded(lab), 4, action({"press": "Escape"}))
    report = await again(lab, record)
    assert report.divergence is not None
    assert report.divergence.step == 5
    told = " ".join(report.divergence.reasons)
    assert "menu item 'Save' of menu 'File' is not there" in told or "menu item 'Save'" in told


async def test_both_screens_are_drawn_side_by_side(lab: Laboratory) -> None:
    report = await again(lab, replace(await recorded(lab), inputs={}))
    assert report.divergence is not None
    assert report.divergence.picture is not None
    with Image.open(report.divergence.picture) as picture:
        assert picture.width > 2 * 640
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20) or ()}
    assert (214, 39, 40) in colors, "the outline"
    assert out_of(lab).is_dir()


async def test_what_has_moved_is_found_again_and_told(lab: Laboratory) -> None:
    drag = {"drag": {"start": {"at": {"x": 300, "y": 50}}, "end": {"at": {"x": 310, "y": 70}}}}
    record = but_also(by_coordinates(await recorded(lab)), 1, action(drag))
    report = await again(lab, record)
    assert report.verdict == "same", report.divergence
    assert {step.level for step in report.steps[2:]} == {"structural"}
    moved = [(one.what, one.found.x - one.recorded.x, one.found.y - one.recorded.y) for one in report.moved]
    assert moved == [('"menu" "File"', 10, 20), ('"menu item" "Save"', 10, 20)]
    assert [output.same for output in report.outputs] == [True]


async def test_a_look_that_came_too_early_is_decided_by_the_next(lab: Laboratory) -> None:
    record = await recorded(lab)
    report = await again(lab, seen_too_early(record, 1))
    assert report.verdict == "same"
    assert [step.step for step in report.steps if step.passing] == [1]
    report = await again(lab, but_also(seen_too_early(record, 1), 0, action(FILE), action(ABOUT)))
    assert report.divergence is not None
    assert report.divergence.step == 1, "where the screens first differed"
    assert report.steps[-1].step == 2, "where it was known"


async def test_what_was_refused_then_is_not_tried_now(lab: Laboratory) -> None:
    gone = {"click": {"role": "push button", "name": "No such", "timeout": 0.1}}
    state = await lab.run(task("a", STEPS[0], STEPS[1], gone))
    assert state.status == "failed"
    report = await again(lab, record_of(lab, state.id))
    assert report.verdict == "same"
    assert "not tried" in report.steps[2].note


async def test_what_cannot_be_done_again_is_refused(lab: Laboratory) -> None:
    record = await recorded(lab)
    with pytest.raises(InputError, match="it has a"):
        record_of(lab, record.run, "b")
    with pytest.raises(InputError, match="has no attempt 2; it has 1 to 1"):
        record_of(lab, record.run, "a", 2)
    handed = task("b", after=["a"], handoffs={"a": {"mode": "transfer"}})
    state = await lab.run(task("a"), handed)
    with pytest.raises(InputError, match="worked on a desktop that a handed over"):
        record_of(lab, state.id, "b")
