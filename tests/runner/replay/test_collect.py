"""From what a run wrote to what its page shows."""

from __future__ import annotations

import json
import sys

import pytest
from pydantic import TypeAdapter

from runner.actions import Action
from runner.journal import Journal
from runner.replay.collect import Collector, collect
from runner.replay.data import Page, Step, Task
from runner.replay.describe import describe
from runner.state import RunState
from sandboxes.errors import InfraError, InputError
from sandboxes.simulation.settings import Fault
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio

NOTE = {"role": "entry", "name": "Note"}
TITLE_BAR, ELSEWHERE = {"at": {"x": 200, "y": 50}}, {"at": {"x": 300, "y": 90}}


async def page_of(lab: Laboratory, *tasks: dict[str, object]) -> tuple[Task, ...]:
    return collected(lab, await lab.run(*tasks)).runs[0].tasks


def collected(lab: Laboratory, *states: RunState, task: str | None = None) -> Page:
    with Journal(lab.home) as journal:
        return collect([journal.read(state.id) for state in states], lab.store, task).page


def first_steps(tasks: tuple[Task, ...]) -> tuple[Step, ...]:
    return tasks[0].attempts[0].steps


async def test_steps_show_what_was_asked_for_and_where_it_went(lab: Laboratory) -> None:
    tasks = await page_of(
        lab, task("a", {"click": NOTE}, {"type": "hi"}, {"drag": {"start": TITLE_BAR, "end": ELSEWHERE}})
    )
    click, typed, drag, done = first_steps(tasks)
    assert [step.say for step in (click, typed, drag, done)] == ["act", "act", "act", "done"]
    assert [(deed.verb, deed.detail) for deed in click.deeds] == [("click", "entry “Note”")]
    [(x, y)] = click.deeds[0].executed
    assert 0 < x < 640
    assert 0 < y < 480
    assert click.deeds[0].emitted == ()
    assert typed.deeds[0].executed == ()
    assert drag.deeds[0].executed == drag.deeds[0].emitted == ((200, 50), (300, 90))
    assert json.loads(click.emitted)["do"] == "click"
    assert click.windows[0].title == "~/note.txt - Notes"
    assert click.times.act > 0
    assert click.cursor is not None
    assert [step.at_s for step in first_steps(tasks)] == sorted(step.at_s for step in first_steps(tasks))


async def test_a_screen_that_several_steps_show_is_kept_once(lab: Laboratory) -> None:
    still = {"wait_for": NOTE}
    page = collected(lab, await lab.run(task("a", still, still, {"type": "x"}), task("b", still)))
    shown = [step.frame for one in page.runs[0].tasks for step in one.attempts[0].steps]
    assert len(shown) == 6
    assert set(shown) == {0, 1}
    assert len(page.frames) == 2


async def test_what_an_action_went_to_is_named(lab: Laboratory) -> None:
    page = collected(lab, await lab.run(task("a", {"click": NOTE})))
    step = page.runs[0].tasks[0].attempts[0].steps[0]
    [(_, _, rows)] = page.trees[0]
    assert step.tree == 0
    assert step.deeds[0].node is not None
    assert page.nodes[rows[step.deeds[0].node]][2:4] == ("entry", "Note")


async def test_an_outcome_has_its_verdict_and_its_artifacts(lab: Laboratory) -> None:
    path = "~/note.txt"
    checks = [{"check": "text", "path": path, "contains": ["total"]}]
    [one] = await page_of(lab, task("a", outputs={"note": {"path": path}}, checks=checks))
    attempt = one.attempts[0]
    assert (one.status, attempt.status, attempt.kind) == ("failed", "failed", "contract.check")
    assert [check.ok for check in attempt.checks] == [True, False]
    assert "total" in attempt.checks[1].detail
    assert [(kept.name, kept.path, kept.bytes) for kept in attempt.outputs] == [("note", path, 5)]


async def test_every_attempt_is_there_and_a_task_that_never_began(lab: Laboratory) -> None:
    lab.simulate(Fault(what="die", labels={"task": "a"}))
    first, second = await page_of(lab, task("a", retry={"infra": 1}), task("b", after=["a"]))
    assert [attempt.kind.partition(".")[0] for attempt in first.attempts] == ["infra", "infra"]
    assert (second.status, second.attempts) == ("blocked", ())
    assert "a" in second.reason


async def test_what_was_never_carried_out_is_told_apart(lab: Laboratory) -> None:
    missing = {"role": "push button", "name": "None", "timeout": 0.1}
    decision = {"say": "act", "actions": [{"click": missing}, {"type": "x"}]}
    program = f"input(); input(); print({json.dumps(json.dumps(decision))}, flush=True); input()"
    agent = {"kind": "process", "command": [sys.executable, "-c", program]}
    step = first_steps(await page_of(lab, {**task("a"), "agent": agent}))[0]
    assert [deed.ok for deed in step.deeds] == [False, None]
    assert "None" in (step.deeds[0].error or "")


async def test_a_failure_is_told_in_a_paragraph(lab: Laboratory) -> None:
    checks = [{"check": "text", "path": "~/note.txt", "contains": ["total"]}]
    [one] = await page_of(lab, task("a", checks=checks))
    attempt = one.attempts[0]
    assert attempt.telling == len(attempt.steps) - 1
    for part in (
        f"failed (contract.check) at step {len(attempt.steps)} of {len(attempt.steps)}",
        "saw the window “~/note.txt - Notes”",
        "type “hello”; press ctrl+s",
        "Failed: check 0: text ~/note.txt, ",
        "Ruling by rule",
        "abort branch",
    ):
        assert part in attempt.summary
    assert one.contract == ("text ~/note.txt",)


async def test_an_action_that_failed_is_the_telling_step(lab: Laboratory) -> None:
    lost = {"click": {"role": "push button", "name": "None", "timeout": 0.1}}
    [one] = await page_of(lab, task("a", {"type": "x"}, lost))
    attempt = one.attempts[0]
    assert attempt.telling == 1
    assert "It tried: click push button “None”; that failed:" in attempt.summary


async def test_the_decisions_and_the_edges_of_a_task_are_there(lab: Laboratory) -> None:
    first, second = await page_of(lab, task("a"), task("b", after=["a"]))
    assert [(edge.source, edge.target) for edge in first.edges] == [("a", "b")]
    assert first.edges == second.edges
    assert second.plan == ("b: succeeded", "needs a (succeeded)", "so nothing else waited for it")
    kinds = [one.kind for one in second.why]
    assert kinds.index("attempt_started") < kinds.index("verdict") < kinds.index("task_ended")
    assert all(one.at_s is not None and one.at_s >= 0 for one in second.why)


async def test_a_page_of_two_runs_shares_their_pictures(lab: Laboratory) -> None:
    first, second = await lab.run(task("a")), await lab.run(task("a"))
    page = collected(lab, first, second)
    assert [run.id for run in page.runs] == [first.id, second.id]
    shown = [step.frame for run in page.runs for step in run.tasks[0].attempts[0].steps]
    assert shown[: len(shown) // 2] == shown[len(shown) // 2 :]


async def test_a_collector_keeps_its_numbers_as_a_run_goes_on(lab: Laboratory) -> None:
    state = await lab.run(task("a"), task("b", {"type": "other"}))
    with Journal(lab.home) as journal:
        records = journal.read(state.id)
    collector = Collector(lab.store)
    middle = next(at for at, one in enumerate(records) if one.event.kind == "checkpoint") + 1
    before = collector.recording([collector.run(records[:middle])])
    after = collector.recording([collector.run(records)])
    assert after.page.frames[: len(before.page.frames)] == before.page.frames
    assert after.page.sheets[: len(before.page.sheets)] == before.page.sheets
    whole = collected(lab, state)
    assert after.page.runs == whole.runs


async def test_one_task_of_a_run(lab: Laboratory) -> None:
    state = await lab.run(task("a"), task("b"))
    assert [one.id for one in collected(lab, state, task="b").runs[0].tasks] == ["b"]
    with pytest.raises(InputError, match="it has a, b"):
        collected(lab, state, task="c")


async def test_a_missing_screenshot_is_an_error(lab: Laboratory) -> None:
    state = await lab.run(task("a"))
    digest = state.tasks["a"].attempts[0].checkpoints[0].screenshot
    place = lab.store.catalog.find(bytes.fromhex(digest))
    assert place is not None
    pack = lab.store.packs / place.pack
    content = bytearray(pack.read_bytes())
    content[place.offset] ^= 1
    pack.write_bytes(content)
    with pytest.raises(InfraError, match=digest):
        collected(lab, state)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"double_click": {"role": "push button", "name": "OK"}}, "double click push button “OK”"),
        ({"click": {"at": {"x": 1, "y": 2}, "modifiers": ["ctrl"]}}, "click ctrl+(1, 2)"),
        ({"hover": {"text": "x", "app": "Files", "nth": 2}}, "hover object “x” in Files #2"),
        ({"scroll": {"role": "frame", "dy": -3}}, "scroll 3 up over frame"),
        ({"drag": {"start": TITLE_BAR, "end": ELSEWHERE}}, "drag (200, 50) → (300, 90)"),
        ({"fill": {**NOTE, "text": "hi"}}, "fill entry “Note” with “hi”"),
        ({"press": {"keys": "Tab", "count": 3}}, "press Tab 3 times"),
        ({"open": ["gimp", "a.png"]}, "open gimp a.png"),
        ({"focus": "Notes"}, "focus window “Notes”"),
        ({"wait_for": {"target": NOTE, "state": "gone"}}, "wait for entry “Note” to be gone"),
    ],
)
def test_actions_in_words(written: object, words: str) -> None:
    action: Action = TypeAdapter(Action).validate_python(written)
    assert describe(action) == words
