"""Sessions: what is recorded of every step, and each of the budget's hard stops."""

from __future__ import annotations

import sys
from secrets import token_bytes
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.checkpoints import Checkpoint, read_chain
from runner.outcome import must_answer
from runner.state import AttemptState
from runner.trees import read_tree
from sandboxes.desktop import Desktop
from sandboxes.errors import DeadlineExceeded, DesktopLost
from tests.runner.laboratory import SMALL, Laboratory, task

pytestmark = pytest.mark.anyio
LEASE_TOKEN_BYTES = 16
SPENDER = """
import json, sys
for line in sys.stdin:
    if json.loads(line)["say"] == "view":
        print(json.dumps({"say": "act", "actions": [{"type": "x"}], "usage": USAGE}), flush=True)
"""


def spender(lab: Laboratory, usage: str, **budget: Any) -> dict[str, Any]:
    """A task whose agent would type for ever, each decision at this cost."""
    (lab.folder / "spender.py").write_text(SPENDER.replace("USAGE", usage))
    agent = {"kind": "process", "command": [sys.executable, "spender.py"]}
    return {"id": "a", "instruction": "Spend.", "agent": agent, "desktop": SMALL, "budget": budget}


async def attempt_at(lab: Laboratory, one: dict[str, Any]) -> tuple[AttemptState, list[Checkpoint]]:
    state = await lab.run(one)
    [attempt] = state.tasks["a"].attempts
    return attempt, read_chain(lab.store, attempt.checkpoints[-1].sha256)


async def test_a_checkpoint_holds_what_was_seen_decided_and_done(lab: Laboratory) -> None:
    click = {"click": {"role": "push button", "name": "Clear"}}
    drag = {"drag": {"start": {"at": {"x": 300, "y": 50}}, "end": {"at": {"x": 310, "y": 60}}}}
    _, [first, second, third, last] = await attempt_at(lab, task("a", {"type": "hello"}, click, drag))
    assert [point.previous is None for point in (first, second, third, last)] == [True, False, False, False]
    assert first.executed[0].points == ()
    [clicked] = second.executed
    button = next(n for n in read_tree(lab.store, second.screen.tree).nodes if n.name == "Clear" and n.rect)
    assert button.rect is not None
    assert clicked.points == (button.rect.center,)
    assert third.screen.cursor == clicked.points[0]
    assert [(point.x, point.y) for point in third.executed[0].points] == [(300, 50), (310, 60)]
    assert last.decision is not None
    assert last.decision.say == "done"
    assert first.screen.windows[0].id == first.screen.focus
    assert len({point.screen.frame for point in (first, second, third, last)}) == 4
    assert all(point.timings.look_s > 0 for point in (first, second, third, last))
    assert [point.timings.act_s > 0 for point in (first, second, third, last)] == [True, True, True, False]


async def test_an_action_that_fails_is_recorded_with_its_point(lab: Laboratory) -> None:
    _, [first, last] = await attempt_at(lab, task("a", {"click": {"at": {"x": 9999, "y": 1}}}))
    [failed] = first.executed
    assert (failed.ok, [(point.x, point.y) for point in failed.points]) == (False, [(9999, 1)])
    assert "outside the screen" in str(failed.error)
    assert last.decision is not None
    assert last.decision.say == "failed"


@pytest.mark.parametrize(
    ("usage", "budget", "kind", "reason", "steps"),
    [
        ("{}", {"steps": 3}, "budget", "3 of 3 steps", 3),
        ('{"tokens": 40}', {"tokens": 100}, "budget", "120 of 100 tokens", 3),
        ('{"tokens": 50}', {"tokens": 100}, "budget", "100 of 100 tokens", 2),
        ('{"money": 0.3}', {"money": 0.5}, "budget", "0.6 of 0.5 US dollars", 2),
    ],
)
async def test_a_budget_is_a_hard_stop(
    lab: Laboratory, usage: str, budget: dict[str, Any], kind: str, reason: str, steps: int
) -> None:
    attempt, chain = await attempt_at(lab, spender(lab, usage, **budget))
    assert (attempt.failure, attempt.steps) == (kind, steps)
    assert reason in attempt.reason
    assert sum(bool(point.executed) for point in chain) == steps
    assert chain[-1].executed == (), "the last look shows what the last action did"


async def test_the_wall_clock_is_a_hard_stop_in_the_middle_of_an_action(lab: Laboratory) -> None:
    waiting = {"wait_for": {"role": "push button", "name": "Never", "timeout": 60}}
    attempt, [first, last] = await attempt_at(lab, task("a", waiting, budget={"wall_s": 0.5}))
    assert attempt.failure == "timeout"
    assert (first.executed[0].ok, first.executed[0].error) == (False, "cut short")
    assert last.decision is None


async def test_fill_focus_and_the_rest_reach_the_desktop(lab: Laboratory) -> None:
    steps: tuple[dict[str, Any], ...] = (
        {"open": ["notes"]},
        {"focus": "Notes"},
        {"type": "old"},
        {"fill": {"role": "entry", "text": "new", "nth": 0}},
        {"hover": {"role": "push button", "name": "Clear"}},
        {"scroll": {"at": {"x": 100, "y": 100}, "dy": 2}},
        {"wait_for": {"role": "dialog", "name": "Absent", "state": "gone"}},
        {"press": "ctrl+s"},
    )
    check = {"check": "text", "path": "~/note.txt", "equals": "new"}
    attempt, _ = await attempt_at(lab, task("a", *steps, checks=[check]))
    assert (attempt.status, attempt.reason) == ("succeeded", "")


async def test_a_window_that_never_comes_fails_the_step(lab: Laboratory) -> None:
    attempt, _ = await attempt_at(lab, task("a", {"focus": {"title": "Absent", "timeout": 0.2}}))
    assert attempt.failure == "agent"
    assert "Absent" in attempt.reason


async def test_nothing_of_the_lease_is_written_down(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens: list[str] = []

    def token_hex(count: int) -> str:
        made = token_bytes(count).hex()
        if count == LEASE_TOKEN_BYTES:
            tokens.append(made)
        return made

    monkeypatch.setattr("secrets.token_hex", token_hex)
    await lab.run(task("a", {"click": {"role": "entry", "name": "Absent", "timeout": 0.1}}))
    assert tokens, "a lease was made"
    files = {path.name: path.read_bytes() for path in lab.home.rglob("*") if path.is_file()}
    assert "journal.db" in files
    assert not any(token.encode() in content for token in tokens for content in files.values())


def test_a_desktop_that_is_late_where_no_agent_has_a_part_is_lost() -> None:
    desktop = cast("Desktop", SimpleNamespace(id="d-1"))
    with pytest.raises(DesktopLost, match="d-1 does not answer: looking"), must_answer(desktop):
        raise DeadlineExceeded("looking: not within 10 s")
