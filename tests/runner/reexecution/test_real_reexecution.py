"""Re-execution and branches on real desktops: an editor whose files, menus and dialogs are made to differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.actions import Target
from runner.controller import run_swarm
from runner.events import Kept
from runner.locating import find, locator_at, locator_of
from runner.reexecution.branch import Wanted, branch
from runner.reexecution.record import Record
from runner.reexecution.waiting import Patience
from sandboxes.host import Host
from sandboxes.spec import Screen
from tests.runner.laboratory import Laboratory, swarm
from tests.runner.reexecution.records import again, by_coordinates, out_of, record_of

pytestmark = pytest.mark.anyio
# Where a divergence is expected. Applications that start meanwhile must have had the time to.
HASTY = Patience(rest_s=4, target_s=30)
SAVED = {"role": "frame", "name": "~/note.txt - Mousepad", "timeout": 60}
STEPS = (
    {"open": ["sh", "start.sh"]},
    {"focus": {"title": "note.txt", "timeout": 60}},
    {"press": "ctrl+End"},
    {"type": "Reconciled.\n"},
    {"click": {"role": "menu", "name": "File"}},
    {"click": {"role": "menu item", "name": "Save"}},
    {"wait_for": SAVED},
)
START = "exec mousepad note.txt\n"
PREFERENCES = "mousepad note.txt & exec mousepad --preferences\n"
NO_MENUS = (
    "gsettings set org.xfce.mousepad.preferences.window menubar-visible false\nexec mousepad note.txt\n"
)
ELSEWHERE = """
for key in 'preferences.window remember-position true' 'state.window left 40' 'state.window top 30'
do gsettings set org.xfce.mousepad.$key; done
exec mousepad note.txt
"""


@pytest.fixture
def lab(home: Path, tmp_path: Path) -> Laboratory:
    return Laboratory(home, tmp_path)


async def recorded(lab: Laboratory, backend: str) -> Record:
    (lab.folder / "start.sh").write_text(START)
    (lab.folder / "note.txt").write_text("A draft.\n")
    one = {
        "id": "a",
        "instruction": "Write a note.",
        "desktop": {"image": "slim", "screen": {"width": 1024, "height": 768}},
        "agent": {"kind": "script", "steps": STEPS},
        "inputs": {
            "start": {"file": "start.sh", "to": "~/start.sh"},
            "note": {"file": "note.txt", "to": "~/note.txt"},
        },
        "outputs": {"note": {"path": "~/note.txt"}},
        "checks": [{"check": "text", "path": "~/note.txt", "contains": ["A draft.\nReconciled.\n"]}],
    }
    summary = await run_swarm(swarm(one), lab.folder, lab.home, backend=backend)
    assert summary.status == "succeeded", lab.read(summary.run).tasks["a"].reason
    return record_of(lab, summary.run)


def started_by(lab: Laboratory, record: Record, script: str) -> Record:
    """As if another script had been put on the desktop."""
    data = script.encode()
    kept = Kept(name="start", path="~/start.sh", sha256=lab.store.put(data), bytes=len(data))
    return replace(record, inputs=dict(record.inputs) | {"start": kept})


async def test_the_same_is_found_to_be_the_same_and_a_branch_goes_on(lab: Laboratory, backend: str) -> None:
    record = await recorded(lab, backend)
    report = await again(lab, record, backend, Patience())
    assert report.verdict == "same", report.divergence
    assert [(output.name, output.same) for output in report.outputs] == [("note", True)]
    wanted = Wanted(lab.read(record.run), record, 4, backend)
    async with Host(lab.home) as host:
        summary = await branch(host, wanted, lambda _: None, out_of(lab))
    assert summary.status == "succeeded"
    attempt = lab.read(summary.run).tasks["a"].attempts[0]
    assert (attempt.steps, attempt.outputs["note"].sha256) == (3, record.outputs["note"].sha256)


@pytest.fixture(scope="module")
async def on_bubblewrap(
    home: Path, tmp_path_factory: pytest.TempPathFactory, needs_image: Callable[[str], None]
) -> Record:
    needs_image("slim")
    return await recorded(Laboratory(home, tmp_path_factory.mktemp("recorded")), "bubblewrap")


async def test_what_differs_is_told_at_its_step(lab: Laboratory, on_bubblewrap: Record) -> None:
    """The preferences open by themselves, so nobody knows before which step."""
    every = range(len(STEPS) + 1)
    cases = (
        (replace(on_bubblewrap, inputs={"start": on_bubblewrap.inputs["start"]}), "not 'A draft.'", (1, 2)),
        (started_by(lab, on_bubblewrap, NO_MENUS), "menu 'File' of frame", (1, 2)),
        (started_by(lab, on_bubblewrap, PREFERENCES), "'Mousepad Preferences' is there that was not", every),
    )
    for record, expected, steps in cases:
        report = await again(lab, record, "bubblewrap", HASTY)
        assert report.divergence is not None, expected
        assert expected in " ".join(report.divergence.reasons)
        assert report.divergence.step in steps


async def test_recorded_points_become_the_locators_that_were_written(on_bubblewrap: Record) -> None:
    found = []
    for step in on_bubblewrap.steps():
        screen = Screen(width=step.frame.width, height=step.frame.height)
        nodes, windows = step.tree.nodes, step.checkpoint.screen.windows
        for point in (point for executed in step.checkpoint.executed for point in executed.points):
            found.append(locator_at(point, nodes, windows, screen))
        for index, node in enumerate(nodes):
            target = locator_of(index, nodes, screen)
            assert target is None or find(target, nodes, screen) is node
    assert found == [Target(role="menu", name="File"), Target(role="menu item", name="Save")]


async def test_a_window_elsewhere_is_told_and_worked_in(lab: Laboratory, on_bubblewrap: Record) -> None:
    record = by_coordinates(started_by(lab, on_bubblewrap, ELSEWHERE))
    report = await again(lab, record, "bubblewrap", Patience(sharpen_s=0.2))
    assert report.verdict == "same", report.divergence
    assert {'"menu" "File"', '"menu item" "Save"'} <= {move.what for move in report.moved}
    assert [output.same for output in report.outputs] == [True]
