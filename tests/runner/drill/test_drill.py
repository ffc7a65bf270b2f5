"""Drills: what catches each fault, what goes through where nothing does, and what a calm run raises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner.compile import compile_swarm
from runner.drill.drill import drill, rehearse
from runner.drill.fault import Fault
from runner.drill.faults import FAULTS
from runner.drill.play import play
from runner.drill.result import Found, alarms, judge
from runner.drill.stage import Scene
from runner.spec import Swarm
from sandboxes.backend import load_backend
from sandboxes.errors import BackendUnavailable, InputError
from tests.conftest import lacking
from tests.runner.laboratory import swarm, task

pytestmark = pytest.mark.anyio
NOTE = {"note": {"path": "~/note.txt"}}
CHECKED = {"checks": [{"check": "text", "path": "~/note.txt", "contains": ["hello"]}]}
TAKES = {"inputs": {"note": {"artifact": "a.note", "to": "~/given.txt"}}}
RETRIED = {"policy": {"answers": {"agent": ["retry_fresh"], "contract": ["retry_fresh"]}}}


def pair(first: dict[str, Any], **more: Any) -> Swarm:
    """A task that leaves a note, and one that works with it."""
    return swarm(task("a", outputs=NOTE, **first), task("b", **TAKES), **more)


def named(*names: str) -> Sequence[Fault]:
    return [fault for fault in FAULTS if fault.name in names]


async def drilled(folder: Path, plan: Swarm, *faults: str) -> list[Found]:
    seen: list[Found] = []
    done = await drill(plan, folder, folder / "home", "simulated", seen.append, named(*faults))
    assert {found.row.fault for found in seen} == set(faults), "each is told of as its run ends"
    return list(done.found)


def test_there_are_fourteen_faults_each_with_a_safeguard_of_its_own() -> None:
    assert len(FAULTS) == 14
    assert len({fault.name for fault in FAULTS}) == 14
    assert len({fault.safeguard for fault in FAULTS}) == 14


async def test_a_calm_run_proves_no_fault(tmp_path: Path) -> None:
    plan = compile_swarm(pair(CHECKED), tmp_path)
    calm = await play(Scene(await rehearse(plan.swarm, tmp_path, real=False)), tmp_path / "home", "simulated")
    assert calm.state.status == "succeeded"
    assert {fault.name: alarms(fault, calm) for fault in FAULTS} == {fault.name: [] for fault in FAULTS}


async def test_what_is_seen_without_the_fault_too_proves_nothing(tmp_path: Path) -> None:
    twin = await rehearse(pair(CHECKED), tmp_path, real=False)
    [loops] = named("agent loops")
    calm = await play(Scene(twin, "a"), tmp_path / "calm", "simulated")
    played = await play(Scene(twin, "a"), tmp_path / "home", "simulated", loops)
    assert judge(loops, played, calm).row.detected
    assert not judge(loops, played, played).row.detected


async def test_false_claims_go_through_where_nobody_looks(tmp_path: Path) -> None:
    [found] = await drilled(tmp_path, pair({}), "agent claims success falsely")
    assert (found.task, found.row.detected, found.row.contained) == ("a", False, False)
    assert (found.row.safeguard, found.row.seconds) == (None, None)
    [found] = await drilled(tmp_path, pair(CHECKED), "agent claims success falsely")
    assert (found.row.detected, found.row.contained) == (True, True)


async def test_the_weakest_task_is_hurt(tmp_path: Path) -> None:
    plan = swarm(task("a", outputs=NOTE, **CHECKED), task("b", outputs=NOTE), task("c", after=["a"]))
    [found] = await drilled(tmp_path, plan, "agent claims success falsely")
    assert (found.task, found.went_through) == ("b", True)


async def test_stale_outputs_go_through_where_they_may_be_old(tmp_path: Path) -> None:
    old = {"outputs": {"note": {"path": "~/note.txt", "fresh": False}}, **CHECKED}
    [found] = await drilled(tmp_path, swarm(task("a", **old), task("b", **TAKES)), "stale artifact")
    assert (found.row.detected, found.row.contained) == (False, False)


async def test_what_is_caught_by_something_else_is_not_detected(tmp_path: Path) -> None:
    off = {"repeats": {"then": "off"}, "progress": {"steps": 6}, "claims": {"then": "off"}}
    loops, early = await drilled(
        tmp_path, pair({**CHECKED, "monitors": off}), "agent loops", "agent stops early"
    )
    assert (loops.row.detected, loops.row.contained, loops.row.safeguard) == (False, True, "agent.progress")
    assert (early.row.detected, early.row.contained, early.row.safeguard) == (False, True, "contract.missing")


async def test_the_plans_own_policy_answers(tmp_path: Path) -> None:
    [failed] = await drilled(tmp_path, pair(CHECKED), "agent loops")
    [retried] = await drilled(tmp_path, pair(CHECKED, **RETRIED), "agent loops")
    assert (failed.ended, retried.ended) == ("failed, 2 of 2 not done", "as without the fault")
    assert failed.cost.attempts == retried.cost.attempts == 1
    assert failed.cost.steps > 4


async def test_the_plans_own_locks_people_budgets_and_briefs_are_drilled(tmp_path: Path) -> None:
    plan = pair(
        {**CHECKED, "locks": ["portal"], "budget": {"money": 5}},
        locks={"portal": {}},
        escalate={"path": [{"to": "ada", "within_s": 3600, "post": "https://chat.example/hook"}]},
    )
    found = await drilled(
        tmp_path, plan, "lock held for ever", "person never answers", "budget burnt", "brief overflow"
    )
    assert not any(one.went_through for one in found)
    [burnt] = [one for one in found if one.row.fault == "budget burnt"]
    assert (burnt.notes, burnt.cost.tokens) == ((), 0), "money is what it had"


async def test_a_plan_that_fails_by_itself_cannot_be_drilled(tmp_path: Path) -> None:
    plan = swarm(task("a", outputs={"list": {"path": "~/list.json", "max_bytes": 1}}))
    with pytest.raises(InputError, match="'a' fails without any fault"):
        await drill(plan, tmp_path, tmp_path / "home", "simulated", lambda _: None, [])


async def test_what_cannot_be_played_is_stood_in_for_and_told(tmp_path: Path) -> None:
    checks = [
        {"check": "tree", "target": {"role": "frame"}},
        {"check": "text", "path": "~/note.txt", "matches": "^[0-9]+$"},
        *CHECKED["checks"],
    ]
    judges = {"panel": [{"name": "reader", "python": "judges:reads_well"}]}
    (tmp_path / "judges.py").write_text("def reads_well(case): return False\n")
    plan = compile_swarm(pair({"checks": checks, "judges": judges, "allow": {"keys": []}}), tmp_path)
    twin = await rehearse(plan.swarm, tmp_path, real=False)
    first = twin.task("a")
    assert first.judges is None
    assert [check.check for check in first.checks] == ["text", "text"]
    told = "\n".join(twin.notes)
    for words in ("2 checks need a real desktop", "judges are not asked", "allow-list is left out"):
        assert f"a: {words}" in told or words in told
    calm = await play(Scene(twin), tmp_path / "home", "simulated")
    assert calm.state.status == "succeeded"


@pytest.fixture
async def bubblewrap(home: Path, needs_image: Callable[[str], None]) -> Path:
    try:
        await load_backend("bubblewrap", home).check()
    except BackendUnavailable as error:
        lacking(f"bubblewrap: {error}")
    needs_image("slim")
    return home


async def test_real_desktops_are_hurt_at_the_plans_own_work(bubblewrap: Path, tmp_path: Path) -> None:
    steps = [
        {"open": ["sh", "-c", "sleep 0.2; echo hello > ~/note.txt; exec sleep 600"]},
        {"press": "Escape"},
        {"wait_for": {"name": "nothing of that name", "state": "gone"}},
    ]
    plan = swarm(
        task("a", *steps, outputs=NOTE, **CHECKED, desktop={"image": "slim"}),
        task("b", *steps, **TAKES, desktop={"image": "slim"}),
    )
    faults = ("desktop killed", "guest lies", "controller killed", "stale artifact")
    done = await drill(plan, tmp_path, bubblewrap, "bubblewrap", lambda _: None, named(*faults))
    assert [(found.row.detected, found.row.contained) for found in done.found] == [(True, True)] * 4
    assert [found.ended == "as without the fault" for found in done.found] == [True, False, True, False]
