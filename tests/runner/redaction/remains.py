"""What is left of runs: each file of the home, each object of the store, and what is made of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.exports.recording import all_recordings
from runner.exports.script_file import script_file
from runner.exports.steps import script_of
from runner.exports.trajectory import json_line, trajectory
from runner.journal import Journal
from runner.replay.collect import collect
from runner.replay.page import render_page
from runner.state import RunState, fold
from runner.trace.collect import spans_of
from runner.trace.otlp import json_lines


def remains(home: Path) -> Iterator[tuple[str, bytes]]:
    """All of it, each with a name."""
    for path in home.rglob("*"):
        if path.is_file() and "images" not in path.relative_to(home).parts:
            yield str(path), path.read_bytes()
    store = ArtifactStore(home / ARTIFACTS)
    for place in store.catalog.places():
        yield f"object {place.digest.hex()}", store.get(place.digest.hex())
    with Journal(home) as journal:
        for run in journal.runs():
            records = journal.read(run)
            recording = collect([records], store)
            yield f"data of {run}'s page", recording.page.model_dump_json().encode()
            yield f"page of {run}", render_page(recording).encode()
            yield f"trace of {run}", "\n".join(json_lines(spans_of(records, store))).encode()
            yield from _exports(fold(records), store)
    store.close()


def _exports(state: RunState, store: ArtifactStore) -> Iterator[tuple[str, bytes]]:
    """A zip holds the journal and the store, which are searched as they are."""
    for recording in all_recordings(state, store, None):
        name = f"{state.id}, {recording.task.id}"
        for line in trajectory([recording], store, trees=True, frames=None):
            yield f"trajectory of {name}", json_line(line).encode()
        script = script_of(recording, store)
        if not script.steps:
            continue
        made = script_file(recording, script, store)
        yield f"script of {name}", made.text.encode()
        yield from ((f"{file} beside the script of {name}", data) for file, data in made.files.items())


def forms(value: str) -> list[bytes]:
    """A value, and its parts of six characters, as they may be written."""
    parts = [value[start : start + 6] for start in range(len(value) - 5)]
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    texts = {*parts, json.dumps(value)[1:-1], quote(value, safe=""), encoded, value.encode().hex()}
    return [text.encode(coding) for text in texts for coding in ("utf-8", "utf-16-le")]


def found_in(home: Path, value: str) -> list[str]:
    """Where a value, or a part of it, is left. Empty, if all is well."""
    wanted = forms(value)
    return [f"{name}: {form!r}" for name, content in remains(home) for form in wanted if form in content]
