"""A desktop outlives its controller: the run goes on with it, and nothing that was typed is lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from runner.actions import Press
from runner.adoption import CAUSE, Left, left_behind
from runner.agents import make_agent
from runner.agents.base import Act, ActionResult, BudgetLeft, Decision, Failed, View
from runner.events import (
    AttemptEnded,
    AttemptStarted,
    DesktopAdopted,
    DesktopHandedOver,
    DesktopLeased,
    Event,
    InputPlaced,
    Ruling,
    RunStarted,
    TaskEnded,
)
from runner.journal import Journal, Record
from runner.ownership import violations
from runner.plan import make_plan
from runner.resume import resume_run
from runner.spec import ScriptAgent as ScriptSpec
from runner.spec import Swarm
from runner.state import RunState, fold
from sandboxes.backend import load_backend
from sandboxes.claims import Claims
from sandboxes.conformance.subject import eventually
from sandboxes.errors import BackendUnavailable, InputError
from sandboxes.home import images_folder
from sandboxes.observation import Observation
from sandboxes.spec import DesktopSpec
from tests.conftest import lacking
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio

SLIM = {"image": "slim", "screen": {"width": 1024, "height": 768}}
END_S = 300
FOCUS = {"focus": {"title": "note.txt", "timeout": 120}}
SAVED = {"wait_for": {"role": "frame", "name": "*", "exact": False, "state": "gone", "timeout": 120}}


@pytest.fixture
async def own_home(home: Path, tmp_path: Path, needs_image: Callable[[str], None]) -> Path:
    """With a name of its own: what outlives its owner is spared by who reads the claims in this folder."""
    needs_image("slim")
    backend = load_backend("docker", home)
    try:
        await backend.check()
    except BackendUnavailable as error:
        lacking(f"docker: {error}")
    await backend.prepare(DesktopSpec(image="slim"))
    own = tmp_path / "home"
    own.mkdir()
    images_folder(own).symlink_to(images_folder(home))
    return own


def script(id_: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "instruction": "Write.",
        "agent": {"kind": "script", "steps": steps},
        "desktop": SLIM,
        **more,
    }


def two_writers(outlive_s: float) -> Swarm:
    """The first opens an editor and types, the second types more into it, and saves."""
    first = script(
        "a",
        {"open": ["mousepad", "note.txt"]},
        FOCUS,
        {"press": "ctrl+End"},
        {"type": "one "},
        inputs={"note": {"file": "note.txt", "to": "~/note.txt"}},
    )
    second = script(
        "b",
        FOCUS,
        {"type": "two "},
        {"press": "ctrl+s"},
        SAVED,
        after=["a"],
        handoffs={"a": {"mode": "transfer"}},
        outputs={"note": {"path": "~/note.txt"}},
        checks=[{"check": "text", "path": "~/note.txt", "equals": "none one two "}],
    )
    return swarm(first, second, outlive_s=outlive_s)


def written(whole: Swarm, folder: Path) -> Path:
    (folder / "note.txt").write_text("none ")
    file = folder / "swarm.json"
    file.write_text(whole.model_dump_json(by_alias=True))
    return file


async def killed_at(home: Path, *words: str) -> None:
    """A controller that kills itself at an event: `tests.runner.controller` says what its words are."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.runner.controller", str(home), *words]
    with anyio.fail_after(END_S):
        ended = await anyio.run_process(command, env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def last_run(home: Path) -> str:
    with Journal(home) as journal:
        return journal.runs()[0]


def events_of(home: Path, run: str) -> list[Event]:
    with Journal(home) as journal:
        return [record.event for record in journal.read(run)]


@pytest.mark.docker
@pytest.mark.parametrize(
    ("kills", "adopted"),
    [
        ([("checkpoint", "a")], [("a", 3, 1, "")]),
        (
            [("task_ended", "a"), ("desktop_adopted", "b"), ("act_intended", "b")],
            [("b", 4, 0, ""), ("b", 7, 0, ""), ("b", 12, 0, "action 0 of step 0 (focus)")],
        ),
    ],
    ids=["once", "again and again"],
)
async def test_a_run_goes_on_with_the_desktop_that_outlived_its_controller(
    own_home: Path,
    tmp_path: Path,
    kills: list[tuple[str, str]],
    adopted: list[tuple[str, int, int, str]],
) -> None:
    """With what was typed and not saved, and the input as it was placed once."""
    file = written(two_writers(600), tmp_path)
    first, *more = kills
    await killed_at(own_home, "run", str(file), "docker", *first)
    run = last_run(own_home)
    for kill in more:
        await killed_at(own_home, "resume", run, *kill)
    with anyio.fail_after(END_S):
        summary = await resume_run(run, own_home)
    events = events_of(own_home, run)
    assert (summary.status, list(violations(events))) == ("succeeded", [])
    assert len({event.desktop for event in events if isinstance(event, DesktopLeased)}) == 1
    assert len([event for event in events if isinstance(event, InputPlaced)]) == 1
    found = [event for event in events if isinstance(event, DesktopAdopted)]
    assert [(one.task, one.epoch, one.steps, one.doubt) for one in found] == adopted


@pytest.mark.docker
async def test_when_nobody_takes_it_up_it_ends_in_its_time(own_home: Path, tmp_path: Path) -> None:
    file = written(two_writers(1), tmp_path)
    await killed_at(own_home, "run", str(file), "docker", "checkpoint", "a")
    events = events_of(own_home, last_run(own_home))
    [leased] = [event for event in events if isinstance(event, DesktopLeased)]

    async def gone() -> bool:
        there = {record.id for record in await load_backend("docker", own_home).desktops()}
        return leased.desktop not in there and Claims(own_home).read(leased.desktop) is None

    await eventually("the end of a desktop whose time is over", gone)


async def test_where_desktops_end_with_their_controller_it_is_refused_at_once(lab: Laboratory) -> None:
    with pytest.raises(InputError, match="outlive_s: the desktops of backend 'simulated' end with"):
        await lab.run_swarm(swarm(task("a"), outlive_s=60))
    assert lab.records == []


# --- which desktops a run goes on with --------------------------------------------------------------------

DEAD = "1:1:00000000-0000-0000-0000-000000000000"
STARTED = AttemptStarted(task="a", attempt=1)
LEASED = DesktopLeased(task="a", attempt=1, desktop="d-1", epoch=1)
CUT = AttemptEnded(task="a", attempt=1, status="cancelled", failure="cancelled", cause=CAUSE)
ENDED = AttemptEnded(task="a", attempt=1, status="succeeded")
RULED = Ruling(task="a", attempt=1, answer="retry_fresh", reason="", by="resume")
DONE = TaskEnded(task="a", status="succeeded")
GIVEN = DesktopHandedOver(task="a", attempt=1, desktop="d-1", epoch=2, to="b")


def after(*events: Event, **agent: Any) -> RunState:
    """What is known of a run of two tasks after these events; `agent` is the first's, if not a script."""
    one = task("a", **({"agent": agent} if agent else {}))
    two = task("b", after=["a"], handoffs={"a": {"mode": "transfer"}})
    whole = swarm(one, two, outlive_s=60)
    started = RunStarted(swarm=whole, plan=make_plan(whole), backend="docker", controller=DEAD)
    return fold(Record(seq, "r", 0, event) for seq, event in enumerate([started, *events]))


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ([], []),
        ([STARTED, CUT, RULED], []),
        ([STARTED, LEASED, CUT, RULED], [Left("a", "d-1", 1)]),
        ([STARTED, LEASED, GIVEN, CUT, RULED], []),
        ([STARTED, LEASED, GIVEN, ENDED, DONE], [Left("b", "d-1", 2)]),
        (
            [STARTED, LEASED, CUT, RULED, DesktopAdopted(task="a", desktop="d-1", epoch=3)],
            [Left("a", "d-1", 3)],
        ),
        ([STARTED, LEASED, CUT, RULED, AttemptStarted(task="a", attempt=2)], []),
    ],
    ids=["none", "not yet leased", "at work", "cut off giving", "given", "taken up before", "on a fresh one"],
)
def test_what_a_run_goes_on_with(events: list[Event], left: list[Left]) -> None:
    assert list(left_behind(after(*events))) == left


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_program_says_whether_it_can_go_on_where_another_stopped(goes_on: bool) -> None:
    state = after(STARTED, LEASED, CUT, RULED, kind="process", command=["./agent"], goes_on=goes_on)
    assert [one.desktop for one in left_behind(state)] == (["d-1"] if goes_on else [])


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (ActionResult(ok=True), Act(actions=(Press(do="press", keys="b"),))),
        (ActionResult(ok=False, error="no"), Failed(reason="step 1 of 2 (press): no")),
    ],
)
async def test_a_script_goes_on_after_what_was_done(last: ActionResult, says: Decision) -> None:
    spec = ScriptSpec.model_validate({"kind": "script", "steps": [{"press": "a"}, {"press": "b"}]})
    left = BudgetLeft(steps=9, wall_s=9, tokens=None, money=None)
    view = View("", 0, {}, (last,), left, cast("Observation", None), before=1)
    assert await make_agent(spec, Path(), done=1).decide(view) == says
