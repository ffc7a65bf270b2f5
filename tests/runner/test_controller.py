"""Whole runs on simulated desktops: what the journal says of every way they can go."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from functools import partial

import anyio
import pytest

from runner.checkpoints import read_chain
from runner.cli.progress import Lines
from runner.controller import new_run_id, run_swarm
from runner.events import DesktopAwaited, RunEnded
from runner.frames import read_frame
from runner.journal import Journal, Record
from runner.state import AttemptState, RunState, fold
from runner.summary import summarize
from runner.trees import read_tree
from sandboxes.admission import HostLimits
from sandboxes.backend import load_backend
from sandboxes.errors import ImageNotFound, InfraError, InputError
from sandboxes.simulation.settings import Delay, Fault
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio
NOTE = {"note": {"path": "~/note.txt"}}
SAVED = {"check": "text", "path": "~/note.txt", "equals": "hello"}
MISSING = {"click": {"role": "push button", "name": "No such button", "timeout": 0.2}}


def statuses(state: RunState) -> dict[str, str]:
    return {name: task.status for name, task in state.tasks.items()}


def only_attempt(state: RunState, name: str = "a") -> AttemptState:
    [attempt] = state.tasks[name].attempts
    return attempt


async def test_a_task_that_goes_well(lab: Laboratory) -> None:
    state = await lab.run(task("a", outputs=NOTE, checks=[SAVED]))
    attempt = only_attempt(state)
    assert (state.status, attempt.status, attempt.failure, attempt.steps) == (
        "succeeded",
        "succeeded",
        None,
        2,
    )
    assert lab.store.get(attempt.outputs["note"].sha256) == b"hello"
    assert attempt.verdict is not None
    assert [finding.subject for finding in attempt.verdict.findings] == ["output note", "check 0: text"]
    assert [point.say for point in attempt.checkpoints] == ["act", "act", "done"]


async def test_the_state_is_the_fold_of_the_journal(lab: Laboratory) -> None:
    state = await lab.run(task("a", outputs=NOTE), task("b", MISSING), task("c", after=["b"]))
    with Journal(lab.home) as journal:
        assert journal.read(state.id) == lab.records
    assert fold(lab.records) == state
    assert fold(lab.records[:-1]) != state


async def test_the_summary_is_what_json_prints(lab: Laboratory) -> None:
    state = await lab.run(task("b", MISSING, after=["a"]), task("a"), task("c", after=["b"]))
    summary = summarize(state).model_dump()
    walls = [one.pop("wall_s") for one in summary["tasks"]]
    assert {one.pop("reused") for one in summary["tasks"]} == {None}
    assert summary == {
        "run": state.id,
        "status": "failed",
        "tasks": (
            {"id": "b", "status": "failed", "kind": "agent", "attempts": 1, "steps": 1},
            {"id": "a", "status": "succeeded", "kind": None, "attempts": 1, "steps": 2},
            {"id": "c", "status": "blocked", "kind": None, "attempts": 0, "steps": 0},
        ),
    }
    assert walls[0] > 0.2
    assert walls[2] is None


async def test_an_artifact_is_handed_on(lab: Laboratory) -> None:
    given = {"given": {"artifact": "a.note", "to": "~/given.txt"}}
    check = {"check": "command", "argv": ["cat", "/home/user/given.txt"], "equals": "hello"}
    state = await lab.run(task("b", inputs=given, checks=[check]), task("a", outputs=NOTE))
    assert state.status == "succeeded"
    assert only_attempt(state, "b").inputs["given"].sha256 == only_attempt(state).outputs["note"].sha256


async def test_a_file_beside_the_swarm_is_placed(lab: Laboratory) -> None:
    (lab.folder / "data.txt").write_text("from the folder")
    given = {"given": {"file": "data.txt", "to": "~/given.txt"}}
    state = await lab.run(task("a", inputs=given, outputs={"same": {"path": "~/given.txt"}}))
    assert lab.store.get(only_attempt(state).outputs["same"].sha256) == b"from the folder"


async def test_a_desktop_that_dies_is_infra_and_tried_again_on_a_fresh_one(lab: Laboratory) -> None:
    lab.simulate(Fault(what="die", at_action=3, labels={"attempt": "1"}))
    steps = [{"type": "h"}, {"type": "e"}, {"type": "y"}, {"press": "ctrl+s"}]
    state = await lab.run(task("a", *steps, outputs=NOTE))
    first, second = state.tasks["a"].attempts
    assert state.status == "succeeded"
    assert (first.status, first.failure, second.status) == ("failed", "infra", "succeeded")
    assert first.ruling is not None
    assert first.ruling.answer == "retry_fresh"
    assert first.desktop != second.desktop
    assert b"died" in lab.store.get(first.evidence["guest_log"])
    assert lab.store.get(second.outputs["note"].sha256) == b"hey"
    # The evidence of both attempts is whole: every checkpoint, chained, with its screenshot and tree.
    for attempt, steps_taken in ((first, 3), (second, 5)):
        chain = read_chain(lab.store, attempt.checkpoints[-1].sha256)
        assert [point.step for point in chain] == list(range(steps_taken))
        assert all(read_frame(lab.store, point.screen.frame).width == 640 for point in chain)
        assert all(read_tree(lab.store, point.screen.tree).nodes for point in chain)
        assert {point.attempt for point in chain} == {attempt.number}
    last = read_chain(lab.store, first.checkpoints[-1].sha256)[-1]
    assert [done.ok for done in last.executed] == [False]


@pytest.mark.parametrize("what", ["die", "nonsense", "refuse"])
async def test_infra_failures_are_tried_again_only_so_often(lab: Laboratory, what: str) -> None:
    lab.simulate(Fault.model_validate({"what": what}))
    state = await lab.run(task("a", retry={"infra": 1}))
    assert statuses(state) == {"a": "failed"}
    assert [attempt.failure for attempt in state.tasks["a"].attempts] == ["infra", "infra"]
    assert await load_backend("simulated", lab.home).desktops() == []


async def test_an_agent_that_fails_is_not_tried_again_unless_asked(lab: Laboratory) -> None:
    state = await lab.run(task("a", {"type": "x"}, MISSING), task("b", MISSING, retry={"agent": 1}))
    assert len(state.tasks["b"].attempts) == 2
    attempt = only_attempt(state)
    assert attempt.failure == "agent"
    assert attempt.reason.startswith("step 2 of 2 (click)")
    assert "No such button" in attempt.reason


async def test_a_failed_check_is_a_failure_of_contract_with_what_was_found(lab: Laboratory) -> None:
    wrong = {**SAVED, "equals": "goodbye"}
    state = await lab.run(task("a", outputs=NOTE, checks=[wrong]), task("b", after=["a"]))
    attempt = only_attempt(state)
    assert attempt.failure == "contract"
    assert "goodbye" in attempt.reason
    assert "hello" in attempt.reason
    assert attempt.outputs, "the output is evidence"
    with pytest.raises(LookupError):
        state.output("a", "note")
    assert statuses(state) == {"a": "failed", "b": "blocked"}


async def test_an_output_that_is_not_there_or_too_large_is_a_failure_of_contract(lab: Laboratory) -> None:
    outputs = {"absent": {"path": "~/absent"}, "large": {"path": "~/note.txt", "max_bytes": 4}}
    state = await lab.run(task("a", outputs=outputs))
    verdict = only_attempt(state).verdict
    assert verdict is not None
    assert [finding.ok for finding in verdict.findings] == [False, False]
    assert only_attempt(state).failure == "contract"


async def test_an_input_that_cannot_be_placed_is_a_failure_of_contract(lab: Laboratory) -> None:
    gone = task("a", inputs={"given": {"file": "gone.txt", "to": "~/x"}})
    for name in ("x", "gone.txt"):
        (lab.folder / name).write_text("x")
    refused = task("b", inputs={"given": {"file": "x", "to": "/home/user"}})

    def vanish(_: Record, state: RunState) -> None:
        (lab.folder / "gone.txt").unlink(missing_ok=True)

    summary = await run_swarm(
        swarm(gone, refused), lab.folder, lab.home, backend="simulated", on_event=vanish
    )
    state = lab.read(summary.run)
    assert only_attempt(state, "a").failure == "contract"
    assert only_attempt(state, "b").failure == "contract"
    assert only_attempt(state, "b").reason.startswith("input given: ")


async def test_a_file_that_is_not_there_is_told_before_anything_starts(lab: Laboratory) -> None:
    with pytest.raises(InputError, match=r"gone\.txt"):
        await lab.run(task("a"), task("b", inputs={"given": {"file": "gone.txt", "to": "~/x"}}))
    assert lab.records == []


async def test_what_a_lost_task_blocks_is_told_and_the_rest_goes_on(lab: Laboratory) -> None:
    state = await lab.run(
        task("bad", MISSING),
        task("b", after=["bad"]),
        task("c", after=["b"]),
        task("good"),
        task("d", after=["good"]),
    )
    assert statuses(state) == {
        "bad": "failed",
        "b": "blocked",
        "c": "blocked",
        "good": "succeeded",
        "d": "succeeded",
    }
    assert state.status == "failed"
    assert (state.tasks["b"].reason, state.tasks["c"].reason) == ("bad was not done", "b was not done")


@pytest.mark.parametrize("parallel", [1, 3])
async def test_no_more_run_at_once_than_allowed(lab: Laboratory, parallel: int) -> None:
    lab.simulate(boot=Delay(median_s=0.02))
    state = await lab.run(*(task(f"t{number}") for number in range(7)), parallel=parallel)
    changes = sorted(
        change
        for one in state.tasks.values()
        for attempt in one.attempts
        for change in ((attempt.started_at, 1), (attempt.ended_at or 0, -1))
    )
    running = [sum(step for _, step in changes[: upto + 1]) for upto in range(len(changes))]
    assert max(running) == parallel
    assert state.swarm.parallel == parallel  # which is what `resume` goes by
    assert state.status == "succeeded"


async def test_a_cancelled_run_says_so_and_leaves_no_desktop(lab: Laboratory) -> None:
    waiting = {"wait_for": {"role": "push button", "name": "Never", "timeout": 60}}
    with anyio.CancelScope() as scope, anyio.fail_after(30):
        tasks = swarm(task("a", {"type": "x"}, waiting), task("b", after=["a"]))

        def watch(record: Record, _: RunState) -> None:
            lab.records.append(record)
            if lab.records[-1].event.kind == "checkpoint":
                scope.cancel()

        await run_swarm(tasks, lab.folder, lab.home, backend="simulated", on_event=watch)
    assert scope.cancelled_caught
    state = lab.read(lab.records[0].run)
    assert isinstance(lab.records[-1].event, RunEnded)
    assert state.status == "cancelled"
    assert statuses(state) == {"a": "cancelled", "b": "cancelled"}
    assert only_attempt(state).failure == "cancelled"
    assert len(only_attempt(state).checkpoints) >= 1
    assert await load_backend("simulated", lab.home).desktops() == []


async def test_where_nothing_can_run_nothing_is_started(lab: Laboratory) -> None:
    with pytest.raises(InputError, match="backend"):
        await run_swarm(swarm(task("a")), lab.folder, lab.home, backend="nope")
    with pytest.raises(InputError, match="no task has the id"):
        await run_swarm(swarm(task("a", after=["x"])), lab.folder, lab.home, backend="simulated")
    wants_root = task("b", desktop={"root": True})
    with pytest.raises(InputError, match=r"task 'b': desktop\.root: backend 'simulated' cannot give root"):
        await run_swarm(swarm(task("a"), wants_root), lab.folder, lab.home, backend="simulated")
    unbuilt = task("a", desktop={"image": "slim"})
    with pytest.raises(ImageNotFound, match=r"task 'a': .*image build"):
        await run_swarm(swarm(unbuilt), lab.folder, lab.home, backend="bubblewrap")
    with Journal(lab.home) as journal:
        assert journal.runs() == []


async def test_a_journal_that_cannot_be_written_ends_the_run(lab: Laboratory) -> None:
    (lab.home / "journal.db").write_bytes(b"not a database" * 100)
    with pytest.raises(InfraError, match="journal"):
        await lab.run(task("a"))


async def test_trouble_of_the_controllers_own_is_journaled_and_raised_as_it_is(lab: Laboratory) -> None:
    def break_down(record: Record, _: RunState) -> None:
        lab.records.append(record)
        if lab.records[-1].event.kind == "checkpoint":
            raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError):
        await run_swarm(swarm(task("a")), lab.folder, lab.home, backend="simulated", on_event=break_down)
    state = lab.read(lab.records[0].run)
    assert (state.status, state.reason) == ("failed", "ZeroDivisionError: a defect")
    assert await load_backend("simulated", lab.home).desktops() == []


async def test_a_desktop_that_stops_answering_is_infra(lab: Laboratory) -> None:
    lab.simulate(Fault(what="freeze", labels={"attempt": "1"}))
    with anyio.fail_after(60):
        state = await lab.run(task("a"))
    assert [attempt.failure for attempt in state.tasks["a"].attempts] == ["infra", None]


def test_run_ids_sort_by_time_and_differ() -> None:
    ids = {new_run_id() for _ in range(20)}
    assert len(ids) > 15
    assert all(time.strftime("r-%Y%m%d-", time.gmtime()) == run[:11] and len(run) == 22 for run in ids)


_WATCH = """
import sys
from pathlib import Path
from runner.journal import Journal, Record
from runner.state import fold
from runner.trees import read_tree
for line in sys.stdin:
    with Journal(Path(sys.argv[1])) as journal:
        print(fold(journal.read(line.strip())).seq, flush=True)
"""


def test_another_process_folds_the_same_while_it_runs(lab: Laboratory) -> None:
    command = [sys.executable, "-c", _WATCH, str(lab.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdin is not None
        assert watcher.stdout is not None
        seen: list[tuple[int, int]] = []

        def ask(record: Record, _: RunState) -> None:
            lab.records.append(record)
            print(lab.records[-1].run, file=watcher.stdin, flush=True)
            seen.append((lab.records[-1].seq, int(watcher.stdout.readline())))  # type: ignore[union-attr]

        both = swarm(task("a"), task("b"))
        anyio.run(partial(run_swarm, both, lab.folder, lab.home, backend="simulated", on_event=ask))
        watcher.stdin.close()
    assert len(seen) > 10
    assert all(there >= here for here, there in seen)


def test_a_script_without_a_main_guard_runs_once(lab: Laboratory) -> None:
    checked = task("a", checks=[{"check": "text", "path": "~/note.txt", "contains": ["hello"]}])
    lines = [
        "import anyio",
        "from pathlib import Path",
        "from runner.controller import run_swarm",
        "from runner.spec import Swarm",
        f"swarm = Swarm.model_validate({swarm(checked).model_dump(mode='json', by_alias=True)!r})",
        f"home, folder = Path({str(lab.home)!r}), Path({str(lab.folder)!r})",
        "print(anyio.run(lambda: run_swarm(swarm, folder, home, backend='simulated')).status)",
    ]
    script = lab.folder / "script.py"
    script.write_text("\n".join(lines))
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "succeeded\n", ran.stderr
    with Journal(lab.home) as journal:
        assert len(journal.runs()) == 1


async def test_a_desktop_that_has_no_room_waits_and_its_place_is_told(lab: Laboratory) -> None:
    lab.simulate(boot=Delay(median_s=0.05))
    tasks = [task(name) for name in "abcd"]
    state = await lab.run(*tasks, limits=HostLimits(max_desktops=1))
    assert set(statuses(state).values()) == {"succeeded"}
    waits = [record.event for record in lab.records if isinstance(record.event, DesktopAwaited)]
    assert [wait.place for wait in waits] == [1, 2, 3]
    assert waits[0].reason == "1 desktops run, and 1 are the most"
    lines, out = Lines(lab.store, io.StringIO()), list[int | None]()
    partial_state = RunState.start(lab.records[0])
    for record in lab.records:
        lines.take(record)
        if record.seq > partial_state.seq:
            partial_state.apply(record)
        last = partial_state.tasks["d"].attempts
        out.append(partial_state.place_in_line(last[-1]) if last else None)
    places = [place for place, before in zip(out, [None, *out], strict=False) if place != before]
    assert places == [3, 2, 1, None], "the place of the last one, as the others come in"
    assert isinstance(lines.out, io.StringIO)
    assert "waits for room, place 3 in the line: others came first" in lines.out.getvalue()
