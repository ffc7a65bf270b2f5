"""A run goes to another machine as one file; what is wrong with a file is told, and nothing of it is here."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runner.artifacts import ARTIFACTS
from runner.cli.replay import write_replay
from runner.cli.show import account
from runner.cli.why import print_why
from runner.exports import opened
from runner.exports.archive import write_archive
from runner.exports.intake import take_in
from runner.frames import read_frame
from runner.fsck import check
from runner.journal import Journal
from runner.reexecution.branch import Wanted, branch
from runner.reexecution.record import read_record
from runner.resume import RunTaken, check_resumable
from runner.state import RunState
from sandboxes.errors import InfraError, InputError
from sandboxes.host import Host
from sandboxes.owner import Owner
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio
STEPS = ({"type": "hello"}, {"press": "ctrl+s"}, {"type": " and more"}, {"press": "ctrl+s"})
OUTPUT = {"note": {"path": "~/note.txt"}}
Members = dict[str, bytes]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Laboratory:
    """Another home, in which nothing has run."""
    return Laboratory(tmp_path / "elsewhere", tmp_path / "swarm")


async def exported(lab: Laboratory) -> tuple[RunState, Path]:
    """A run that used and left files, and failed once."""
    failing = task("fails", *STEPS, checks=[{"check": "text", "path": "~/note.txt", "contains": ["x"]}])
    after = task("after", *STEPS, inputs={"note": {"artifact": "writes.note", "to": "~/note"}})
    state = await lab.run(task("writes", *STEPS, outputs=OUTPUT), after, failing)
    return state, export(lab, state.id)


def export(lab: Laboratory, run: str) -> Path:
    out = lab.home / "run.zip"
    with Journal(lab.home) as journal, closing(lab.store) as store:
        write_archive(journal.read(run), store, out)
    return out


def import_(lab: Laboratory, source: Path) -> tuple[RunState, bool]:
    with Journal(lab.home) as journal, closing(lab.store) as store:
        return take_in(source, journal, store)


def runs_of(lab: Laboratory) -> list[str]:
    with Journal(lab.home) as journal:
        return journal.runs()


async def test_what_comes_in_is_what_went_out(
    lab: Laboratory,
    elsewhere: Laboratory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state, archive = await exported(lab)
    _, is_new = import_(elsewhere, archive)
    assert is_new
    there = elsewhere.read(state.id)
    assert there.imported
    for one in state.tasks.values():
        for ours, theirs in zip(one.attempts, there.tasks[one.id].attempts, strict=True):
            assert ours == theirs
            for step in ours.checkpoints:
                assert (
                    read_frame(lab.store, step.screenshot).png()
                    == read_frame(elsewhere.store, step.screenshot).png()
                )
    with Journal(elsewhere.home) as journal, closing(elsewhere.store) as store:
        assert check(store, journal).damage == ()
        assert journal.read(state.id)[-1].at == state.ended_at
    monkeypatch.setenv("DESKSWARM_HOME", str(elsewhere.home))
    page = elsewhere.home / "replay.html"
    write_replay(state.id, None, page)
    print_why(state.id, "fails")
    assert page.stat().st_size > 10_000
    assert "failed" in capsys.readouterr().out
    assert any("imported" in line for line in account(there))


async def test_the_same_run_twice_changes_nothing_and_goes_out_the_same_again(
    lab: Laboratory, elsewhere: Laboratory
) -> None:
    state, archive = await exported(lab)
    import_(elsewhere, archive)
    with Journal(elsewhere.home) as journal:
        before = journal.read(state.id)
    assert import_(elsewhere, archive)[1] is False
    assert import_(lab, archive)[1] is False, "where it began"
    with Journal(elsewhere.home) as journal:
        assert journal.read(state.id) == before
    assert export(elsewhere, state.id).read_bytes() == archive.read_bytes()


async def test_what_was_done_elsewhere_is_not_taken_for_done_here(
    lab: Laboratory, elsewhere: Laboratory
) -> None:
    one = task("writes", *STEPS, outputs=OUTPUT)
    assert (await lab.run(one)).tasks["writes"].attempts
    here = await lab.run(one, reuse=True)
    assert here.tasks["writes"].reused is not None, "of this home it is"
    import_(elsewhere, export(lab, runs_of(lab)[-1]))
    again = await elsewhere.run(one, reuse=True)
    assert again.tasks["writes"].reused is None


async def test_an_imported_run_does_not_go_on_here(
    lab: Laboratory, elsewhere: Laboratory, tmp_path: Path
) -> None:
    state, archive = await exported(lab)
    import_(elsewhere, archive)
    imported = elsewhere.read(state.id)
    with pytest.raises(RunTaken, match="was imported"):
        check_resumable(imported)
    record = read_record(elsewhere.read, elsewhere.store, state.id, "fails")
    async with Host(elsewhere.home) as host:
        with pytest.raises(InputError, match="was imported"):
            await branch(host, Wanted(imported, record, 1, "simulated"), lambda _: None, tmp_path)


# --- what is refused


def rewritten(archive: Path, change: Callable[[Members], object], out: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out


def an_object(members: Members) -> str:
    return next(name for name in members if name.startswith("objects/"))


def edit_manifest(members: Members, **said: object) -> None:
    members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | said).encode()


def edit_events(members: Members, change: Callable[[list[dict[str, Any]]], object]) -> None:
    events = [json.loads(line) for line in members["events.jsonl"].splitlines()]
    change(events)
    members["events.jsonl"] = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    edit_manifest(members, events=len(events))


def change_an_object(members: Members) -> None:
    members[an_object(members)] += b"!"


def swap_checkpoints(members: Members) -> None:
    """The first two steps of an attempt each have the other's."""

    def change(events: list[dict[str, Any]]) -> None:
        steps = [one["event"] for one in events if one["event"]["kind"] == "checkpoint"]
        steps[0]["sha256"], steps[1]["sha256"] = steps[1]["sha256"], steps[0]["sha256"]

    edit_events(members, change)


HOSTILE: dict[str, tuple[Callable[[Members], object], str]] = {
    "a path": (lambda m: m.update({"../../etc/cron.d/x": b"x"}), "no part of an exported run"),
    "an absolute path": (lambda m: m.update({"/etc/passwd": b"x"}), "no part of an exported run"),
    "another hash": (change_an_object, "has another hash"),
    "a missing object": (lambda m: m.pop(an_object(m)), "which it does not hold"),
    "an object too many": (
        lambda m: m.update({f"objects/{hashlib.sha256(b'x').hexdigest()}": b"x"}),
        "objects that its events do not name",
    ),
    "a later version": (lambda m: edit_manifest(m, version=7), "of version 7; update deskswarm"),
    "another format": (lambda m: edit_manifest(m, format="holiday"), "manifest.json: "),
    "another run's id": (lambda m: edit_manifest(m, run="../x"), "manifest.json: "),
    "no manifest": (lambda m: m.pop("manifest.json"), "no exported run"),
    "too few events": (lambda m: edit_manifest(m, events=999), "its manifest says 999"),
    "an unknown event": (
        lambda m: edit_events(m, lambda e: e[1].update(event={"kind": "holiday"})), "line 2 of events.jsonl"
    ),
    "no time": (lambda m: edit_events(m, lambda e: e[1].update(at=float("inf"))), "line 2 of events.jsonl"),
    "no beginning": (lambda m: edit_events(m, lambda e: e.pop(0)), "its events are no run"),
    "an event twice": (lambda m: edit_events(m, lambda e: e.append(e[-1])), "run_ended"),
    "a broken chain": (swap_checkpoints, "it says it is of"),
}  # fmt: skip


async def test_what_is_wrong_is_told_and_nothing_comes_in(
    lab: Laboratory, elsewhere: Laboratory, tmp_path: Path
) -> None:
    _, archive = await exported(lab)
    for what, (change, problem) in HOSTILE.items():
        hostile = rewritten(archive, change, tmp_path / "hostile.zip")
        with pytest.raises(InputError, match=rf"^{hostile}: ") as refused:
            import_(elsewhere, hostile)
        assert problem in str(refused.value), what
        assert runs_of(elsewhere) == [], what
    assert import_(elsewhere, archive)[1], "and what they left is in nobody's way"


async def test_another_run_of_the_same_id_is_refused(
    lab: Laboratory, elsewhere: Laboratory, tmp_path: Path
) -> None:
    _, archive = await exported(lab)
    import_(elsewhere, archive)
    later = rewritten(
        archive, lambda m: edit_events(m, lambda e: e[-1].update(at=1.0)), tmp_path / "other.zip"
    )
    with pytest.raises(InputError, match="is here already, with other events"):
        import_(elsewhere, later)


async def test_a_bomb_is_refused_before_it_is_unpacked(
    lab: Laboratory, elsewhere: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, archive = await exported(lab)
    bomb = rewritten(archive, lambda m: m.update({an_object(m): bytes(1 << 24)}), tmp_path / "bomb.zip")
    assert bomb.stat().st_size < 1 << 20
    monkeypatch.setattr(opened, "MAX_OBJECT_BYTES", (1 << 24) - 1)
    with pytest.raises(InputError, match="unpacks to 16777216 bytes; at most 16777215"):
        import_(elsewhere, bomb)
    monkeypatch.setattr(opened, "MAX_BYTES", 1 << 10)
    with pytest.raises(InputError, match="at most 1024 are taken"):
        import_(elsewhere, archive)


async def test_a_file_that_lies_about_its_sizes_is_damaged(
    lab: Laboratory, elsewhere: Laboratory, tmp_path: Path
) -> None:
    """The sizes in the directory of the file are what is believed, and read to."""
    _, archive = await exported(lab)
    data = bytearray(archive.read_bytes())
    entry = data.index(b"PK\x01\x02")  # the first of the directory: the manifest
    data[entry + 24 : entry + 28] = (5).to_bytes(4, "little")
    lying = tmp_path / "lying.zip"
    lying.write_bytes(data)
    with pytest.raises(InputError, match=r"manifest\.json"):
        import_(elsewhere, lying)


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 100])
def test_what_is_no_zip_is_refused(elsewhere: Laboratory, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.zip: no zip file"):
        import_(elsewhere, tmp_path / "x.zip")
    with pytest.raises(InputError, match="cannot be read"):
        import_(elsewhere, tmp_path / "absent.zip")


async def test_a_truncated_file_is_refused(lab: Laboratory, elsewhere: Laboratory, tmp_path: Path) -> None:
    _, archive = await exported(lab)
    short = tmp_path / "short.zip"
    short.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"short\.zip"):
        import_(elsewhere, short)


async def test_a_run_that_goes_on_here_is_not_taken_in(
    lab: Laboratory, elsewhere: Laboratory, tmp_path: Path
) -> None:
    _, archive = await exported(lab)

    def unfinished(events: list[dict[str, Any]]) -> None:
        events[:] = [one for one in events if one["event"]["kind"] != "run_ended"]
        events[0]["event"]["controller"] = str(Owner.current())

    going_on = rewritten(archive, lambda m: edit_events(m, unfinished), tmp_path / "going-on.zip")
    with pytest.raises(InputError, match="goes on"):
        import_(elsewhere, going_on)


async def test_a_damaged_store_is_not_exported(lab: Laboratory) -> None:
    state, archive = await exported(lab)
    archive.unlink()
    shutil.rmtree(lab.home / ARTIFACTS)
    with pytest.raises(InfraError):
        export(lab, state.id)
    assert not list(lab.home.glob("run.zip*")), "no half of a file is left"
