"""`deskswarm export` and `deskswarm import`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.cli.journals import find_run, open_artifacts, open_journal, read_state
from runner.cli.output import one_line, size, write_file
from runner.exports.archive import check_over, write_archive
from runner.exports.encode import can_write_mp4, write_gif, write_mp4
from runner.exports.film import GIF_WIDTH, MP4_WIDTH, scenes
from runner.exports.intake import take_in
from runner.exports.osworld import results_folder, write_results
from runner.exports.recording import all_recordings, find_recording, from_the_start
from runner.exports.script_file import FILE_NAME, script_file
from runner.exports.steps import Told, script_of
from runner.exports.trajectory import json_line, trajectory
from runner.journal import Journal
from runner.load import load_swarm
from runner.replay.describe import status_of
from runner.state import RunState, fold
from sandboxes.errors import InputError
from sandboxes.home import find_home


def export_script(run: str, task: str, out: Path, attempt: int | None) -> None:
    store = open_artifacts()
    state = _state(run)
    recording = from_the_start(find_recording(state, store, task, attempt), _state, store)
    script = script_of(recording, store)
    made = script_file(recording, script, store)
    for name, content in {FILE_NAME: made.text.encode(), **made.files}.items():
        write_file(out / name, content)
    path = out / FILE_NAME
    print(f"{path} ({len(script.steps)} steps; {script.located} of its targets were points)")
    _print_told("stays a point", script.fixed)
    _print_told("left out, it failed", script.left_out)
    if state.imported:
        print("  the run was imported: read the file before you run it; checks and judges may be programs")
    for name in made.missing:
        print(f"  {out / name}: the task names this file, which is not in the record; put it there")
    if not made.missing:
        load_swarm(path)


def export_trajectory(run: str, task: str | None, out: Path | None, frames: Path | None, trees: bool) -> None:
    store = open_artifacts()
    lines = trajectory(all_recordings(_state(run), store, task), store, trees=trees, frames=frames)
    if out is None:
        with _as_input_error(frames):
            for line in lines:
                print(json_line(line))
        return
    with _as_input_error(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8") as file:
            file.writelines(f"{json_line(line)}\n" for line in lines)
    print(_written(out))


def export_zip(run: str, out: Path) -> None:
    with open_journal() as journal:
        records = journal.read(find_run(journal, run))
    check_over(fold(records))
    with _as_input_error(out):
        manifest = write_archive(records, open_artifacts(), out)
    print(f"{_written(out)}: {manifest.events} events, {manifest.objects} objects")


def export_osworld(run: str, task: str | None, out: Path) -> None:
    """One attempt at each task: OSWorld knows no others."""
    state, store = _state(run), open_artifacts()
    tried = [one.id for one in state.tasks.values() if one.attempts] if task is None else [task]
    for name in tried:
        recording = find_recording(state, store, name)
        folder = results_folder(recording, out)
        with _as_input_error(folder):
            write_results(recording, store, folder)
        if can_write_mp4():
            write_mp4(scenes(recording, store, MP4_WIDTH), folder / "recording.mp4")
        print(folder)


def export_film(run: str, task: str, out: Path, attempt: int | None) -> None:
    kinds = {".gif": (write_gif, GIF_WIDTH), ".mp4": (write_mp4, MP4_WIDTH)}
    if out.suffix.lower() not in kinds:
        raise InputError(f"--out: {str(out)!r}: its ending says what it is to be; give one in .mp4 or .gif")
    encode, width = kinds[out.suffix.lower()]
    store = open_artifacts()
    recording = find_recording(_state(run), store, task, attempt)
    with _as_input_error(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        encode(scenes(recording, store, width), out)
    print(_written(out))


def import_run(source: Path) -> None:
    with Journal(find_home()) as journal:
        state, is_new = take_in(source, journal, open_artifacts())
    already = "" if is_new else "; it was here already"
    print(f"{state.id}  {state.swarm.name}  {status_of(state)}{already}")


def _state(run: str) -> RunState:
    with open_journal() as journal:
        return read_state(journal, run)


def _print_told(what: str, told: list[Told]) -> None:
    for one in told:
        print(f"  step {one.step + 1}: {what}: {one_line(one.what, 300)}")


def _written(out: Path) -> str:
    return f"{out} ({size(out.stat().st_size)})"


@contextmanager
def _as_input_error(path: Path | None) -> Iterator[None]:
    """What the user named cannot be written."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename or path}: cannot be written: {error.strerror or error}") from None
