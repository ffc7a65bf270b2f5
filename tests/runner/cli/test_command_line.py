"""The real command in processes of its own, on simulated desktops."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxes.simulation.settings import Fault
from tests.runner.cli.command import PATIENCE_S, Command, interrupt, read_until

SWARM = """
name: notes
parallel: 2
tasks:
  - id: write
    instruction: Write a note.
    agent:
      kind: script
      steps:
        - fill: {role: entry, name: Note, text: "hello <b>"}
        - click: {role: push button, name: Save}
    outputs:
      note: {path: ~/note.txt}
    checks:
      - {check: text, path: ~/note.txt, contains: [hello]}
  - id: check
    instruction: Add to the note.
    agent:
      kind: script
      steps:
        - open: [notes, ~/note.txt]
        - click: {role: entry, name: Note}
        - type: " and more"
        - press: ctrl+s
    inputs:
      note: {artifact: write.note, to: ~/note.txt}
    outputs:
      note: {path: ~/note.txt}
"""
FAILING = SWARM.replace("contains: [hello]", "contains: [total]")
HANGING = SWARM.replace(
    "- click: {role: push button, name: Save}",
    "- wait_for: {role: push button, name: Never, timeout: 120}",
)


@pytest.fixture
def deskswarm(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    for process in command.started:
        process.kill()
        process.communicate()


def start_hanging(deskswarm: Command, *options: str) -> subprocess.Popen[str]:
    """A run whose first task waits for what never comes."""
    process = deskswarm.start("run", deskswarm.file(HANGING), "--backend", "simulated", *options)
    read_until(process, "step 1", "stderr")
    return process


# --- run


def test_a_run_that_succeeds(deskswarm: Command) -> None:
    result = deskswarm.run(SWARM)
    assert result["status"] == "succeeded"
    assert [task["id"] for task in result["tasks"]] == ["write", "check"]
    for task in result["tasks"]:
        assert (task["status"], task["kind"], task["attempts"]) == ("succeeded", None, 1)
        assert task["steps"] > 0
        assert task["wall_s"] > 0
    assert set(result) == {"run", "status", "tasks"}


def test_people_are_told_the_result_and_how_it_went(deskswarm: Command) -> None:
    done = deskswarm("run", deskswarm.file(SWARM), "--backend", "simulated")
    assert "write  succeeded" in done.stdout
    assert "write#1  step 1: fill entry “Note” with “hello <b>”" in done.stderr
    assert "check  succeeded" in done.stdout


def test_a_terminal_shows_a_row_for_each_desktop(deskswarm: Command) -> None:
    ours, theirs = os.openpty()
    process = deskswarm.start("run", deskswarm.file(HANGING), "--backend", "simulated", stderr=theirs)
    os.close(theirs)
    row = r"write +d-[0-9a-f]{12} +working +1 +fill entry “Note”"
    shown = read_terminal(ours, until=row)
    assert "LAST ACTION" in shown
    assert re.search(row, shown), shown
    stdout, _, code = interrupt(process)
    assert stdout.startswith("TASK")
    assert code == 130
    os.close(ours)


def test_a_terminal_shows_what_became_of_a_run(deskswarm: Command) -> None:
    ours, theirs = os.openpty()
    process = deskswarm.start("run", deskswarm.file(SWARM), "--backend", "simulated", stderr=theirs)
    os.close(theirs)
    assert "2 succeeded" in read_terminal(ours)
    assert process.communicate(timeout=PATIENCE_S)[0].startswith("TASK")
    assert process.returncode == 0
    os.close(ours)


def read_terminal(terminal: int, until: str | None = None) -> str:
    """What is written to a terminal, up to a pattern, or until its other side closes."""
    shown = ""
    data = b""
    with contextlib.suppress(OSError):  # how Linux tells that the other side is closed
        while not (until and re.search(until, shown)) and (part := os.read(terminal, 1 << 16)):
            data += part
            shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="ignore"))
    return shown


def test_a_failed_task_exits_with_1(deskswarm: Command) -> None:
    result = deskswarm.run(FAILING, code=1)
    assert result["status"] == "failed"
    write, check = result["tasks"]
    assert (write["status"], write["kind"]) == ("failed", "contract")
    assert (check["status"], check["kind"], check["attempts"], check["wall_s"]) == ("blocked", None, 0, None)


def test_infrastructure_that_fails_exits_with_3(deskswarm: Command) -> None:
    deskswarm.simulate(Fault(what="die", labels={"task": "write"}))
    result = deskswarm.run(SWARM, code=3)
    assert result["tasks"][0]["kind"] == "infra"
    assert result["tasks"][0]["attempts"] == 3
    assert "evidence guest_log" in deskswarm("show", "last", "--artifacts", "out").stdout
    assert "died" in (deskswarm.folder / "out/write/failed-attempt-1/guest_log.txt").read_text()


def test_a_desktop_lost_once_costs_an_attempt(deskswarm: Command) -> None:
    deskswarm.simulate(Fault(what="die", labels={"task": "write"}, times=1))
    result = deskswarm.run(SWARM)
    assert [task["attempts"] for task in result["tasks"]] == [2, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nowhere.yaml"), "nowhere.yaml"),
        (("run", "swarm.yaml", "--backend", "cloud"), "'cloud'"),
        (("run", "swarm.yaml", "--parallel", "0"), "--parallel"),
        (("run", "broken.yaml"), "broken.yaml:3"),
        (("run", "swarm.yaml", "--json", "--backend", "cloud"), "'cloud'"),
        (("show", "last"), "deskswarm run"),
        (("desktop", "rm", "d-none"), "d-none"),
        (("image", "rm", "none"), "none"),
        (("levitate",), "levitate"),
    ],
)
def test_bad_input_exits_with_2_and_starts_nothing(
    deskswarm: Command, arguments: tuple[str, ...], message: str
) -> None:
    deskswarm.file(SWARM)
    (deskswarm.folder / "broken.yaml").write_text("name: notes\ntasks:\n  - id: Write\n")
    done = deskswarm(*arguments, code=2)
    assert message in done.stderr
    assert done.stdout == ""
    assert not (deskswarm.home / "journal.db").exists()


# --- interrupted


def test_ctrl_c_stops_it_and_leaves_nothing(deskswarm: Command) -> None:
    process = start_hanging(deskswarm, "--json")
    stdout, stderr, code = interrupt(process)
    assert code == 130
    result = json.loads(stdout)
    assert (result["status"], result["tasks"][0]["status"]) == ("cancelled", "cancelled")
    assert "Traceback" not in stderr
    assert "cancelled" in deskswarm("runs").stdout
    assert processes_of(deskswarm.home) == []


def test_ctrl_c_twice_is_as_good_as_once(deskswarm: Command) -> None:
    process = start_hanging(deskswarm)
    process.send_signal(signal.SIGINT)
    _stdout, stderr, code = interrupt(process)
    assert code == 130
    assert "Traceback" not in stderr
    assert "cancelled" in deskswarm("show", "last").stdout
    assert processes_of(deskswarm.home) == []


def test_a_request_to_terminate_stops_it_as_well(deskswarm: Command) -> None:
    assert interrupt(start_hanging(deskswarm), signal.SIGTERM)[2] == 143
    assert "cancelled" in deskswarm("runs").stdout


def test_a_killed_run_is_abandoned(deskswarm: Command) -> None:
    interrupt(start_hanging(deskswarm), signal.SIGKILL)
    assert "abandoned" in deskswarm("runs").stdout
    assert "abandoned" in deskswarm("watch", "last", code=3).stderr


def processes_of(home: Path) -> list[str]:
    """Command lines of the processes that name this home, once what is ending has ended."""
    deadline = time.monotonic() + 10
    while (found := _command_lines(home)) and time.monotonic() < deadline:
        os.sched_yield()
    return found


def _command_lines(home: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(home) in line:
            found.append(line)
    return found


# --- beside a run


def test_watch_follows_a_run_of_another_process(deskswarm: Command) -> None:
    run = start_hanging(deskswarm)
    watching = deskswarm.start("watch", "last", "--json")
    first = json.loads(read_until(watching, '"checkpoint"', "stdout"))
    assert first["task"] == "write"
    assert first["checkpoint"]["executed"][0]["ok"] is True
    assert run.poll() is None
    interrupt(run)
    rest, _ = watching.communicate(timeout=PATIENCE_S)
    assert json.loads(rest.splitlines()[-1])["kind"] == "run_ended"
    assert watching.returncode == 130


# --- after a run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A home with a run that succeeded and then one that failed."""
    command = Command(tmp_path_factory.mktemp("finished"))
    command.run(SWARM)
    command.run(FAILING, code=1)
    return command


@pytest.fixture(scope="module")
def succeeded(finished: Command) -> str:
    """The run that did."""
    return finished("runs").stdout.splitlines()[-1].split()[0]


def test_runs_lists_the_newest_first(finished: Command) -> None:
    header, *rows = finished("runs").stdout.splitlines()
    assert header.split() == ["RUN", "SWARM", "STATUS", "TASKS", "STARTED", "TIME"]
    assert [row.split()[1:4] for row in rows] == [["notes", "failed", "0/2"], ["notes", "succeeded", "2/2"]]


def test_show_tells_what_failed_and_why(finished: Command) -> None:
    shown = finished("show", "last").stdout
    assert "FAILED  check 0: text" in shown
    assert "attempt 1  failed (contract.check)" in shown
    assert "check  blocked" in shown


def test_a_run_is_known_by_a_beginning_of_its_id(finished: Command, succeeded: str) -> None:
    assert succeeded in finished("show", succeeded[:-1]).stdout
    assert "is the beginning of" in finished("show", "r-", code=2).stderr


def test_show_copies_the_artifacts_out(finished: Command, succeeded: str) -> None:
    shown = finished("show", succeeded, "--artifacts", "out").stdout
    assert (finished.folder / "out/write/note.txt").read_text() == "hello <b>"
    assert (finished.folder / "out/check/note.txt").read_text() == "hello <b> and more"
    assert "out/check/note.txt" in shown
    finished("show", "last", "--artifacts", "failed")
    assert (finished.folder / "failed/write/failed-attempt-1/note.txt").read_text() == "hello <b>"


def test_watch_tells_people_what_happened(finished: Command) -> None:
    lines = finished("watch", "last", code=1).stdout
    assert "write#1  did not pass: check 0" in lines
    assert "check  blocked" in lines


def test_watch_tells_one_task_from_a_step_on(finished: Command, succeeded: str) -> None:
    lines = finished("watch", succeeded, "check", "--after-step", "2", "--json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert {event["task"] for event in events} == {"check", ""}
    assert [event["step"] for event in events if event["kind"] == "checkpoint"] == [2, 3, 4]
    assert "it has check, write" in finished("watch", succeeded, "none", code=2).stderr


def test_fsck_finds_what_is_damaged_and_gc_leaves_it(finished: Command, tmp_path: Path) -> None:
    assert finished("fsck").stdout.endswith("names in the journal: clean\n")
    assert json.loads(finished("fsck", "--json").stdout)["clean"] is True
    assert json.loads(finished("gc", "--json").stdout)["objects"] == 0
    assert "0 objects collected" in finished("gc").stdout
    damaged = Command(tmp_path)
    shutil.copytree(finished.home, damaged.home, dirs_exist_ok=True)
    pack = next((damaged.home / "artifacts" / "packs").iterdir())
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)
    said = damaged("fsck", code=1).stdout
    assert pack.name in said
    assert re.search(r"  r-\S+  (write|check)#1( step \d)?  \w+", said)
    assert said.endswith("DAMAGED\n")
    assert not json.loads(damaged("fsck", "--json", code=1).stdout)["clean"]


def test_replay(finished: Command, succeeded: str) -> None:
    finished("replay", succeeded, "--html", "replay.html")
    page = (finished.folder / "replay.html").read_text()
    assert page.startswith("<!doctype html>")
    data = re.search('id="data">([^<]*)<', page)
    assert data is not None
    assert b"hello <b>" in zlib.decompress(base64.b64decode(data[1]))
    finished("replay", succeeded, "check", "--html", "deep/check.html")
    assert len((finished.folder / "deep/check.html").read_text()) < len(page)
    finished("replay", succeeded, "--html", "both.html", "--against", "last")
    assert len((finished.folder / "both.html").read_text()) > len(page)


def test_replay_of_what_is_not_there(finished: Command) -> None:
    assert "has check, write" in finished("replay", "last", "none", "--html", "x.html", code=2).stderr
    assert "cannot be written" in finished("replay", "last", "--html", "/proc/x.html", code=2).stderr


def test_the_last_screenshot_of_a_desktop(finished: Command) -> None:
    shown = finished("show", "last").stdout
    desktop = next(word for word in shown.split() if word.startswith("d-"))
    finished("desktop", "shot", desktop, "shot.png")
    assert (finished.folder / "shot.png").read_bytes().startswith(b"\x89PNG")
    finished("desktop", "shot", "d-none", "none.png", code=2)


def test_nothing_is_listed_where_there_is_nothing(deskswarm: Command) -> None:
    assert deskswarm("desktop", "ls").stdout.splitlines()[1:] == []
    assert "desktop  -    not built" in deskswarm("image", "ls").stdout


def test_doctor_names_the_fix_where_nothing_works(deskswarm: Command) -> None:
    said = deskswarm("doctor", code=3).stdout
    assert "FAIL  image slim: " in said
    assert "fix: run `deskswarm image build slim`" in said
