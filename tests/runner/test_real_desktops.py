"""Runs on real desktops: an editor is driven by its accessible objects; a desktop is ended in mid-task."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import anyio
import pytest

from runner.checkpoints import read_chain
from runner.cli.show import show_run
from runner.controller import run_swarm
from runner.events import CheckpointTaken, ConnectionEnded
from runner.journal import Journal, Record
from sandboxes.backend import load_backend
from tests.runner.laboratory import Laboratory, swarm

pytestmark = pytest.mark.anyio
EDITOR: tuple[dict[str, Any], ...] = ({"open": ["mousepad", "note.txt"]}, {"focus": "note.txt"})


def writes(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    desktop = {"image": "slim", "screen": {"width": 1024, "height": 768}}
    agent = {"kind": "script", "steps": [*EDITOR, *steps]}
    return {"id": "a", "instruction": "Write a note.", "desktop": desktop, "agent": agent, **more}


@pytest.fixture
def real(home: Path, tmp_path: Path) -> Laboratory:
    return Laboratory(home, tmp_path)


async def test_an_editor_writes_a_file_that_passes_its_check(real: Laboratory, backend: str) -> None:
    steps = (
        {"fill": {"role": "text", "app": "mousepad", "text": "grüße, 世界"}},
        {"press": "ctrl+s"},
        {"wait_for": {"role": "frame", "name": "*", "exact": False, "state": "gone"}},
    )
    note = {"note": {"path": "~/note.txt"}}
    check = {"check": "text", "path": "~/note.txt", "contains": ["grüße, 世界"]}
    one = writes(*steps, outputs=note, checks=[check])
    summary = await run_swarm(swarm(one), real.folder, real.home, backend=backend)
    [attempt] = real.read(summary.run).tasks["a"].attempts
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    chain = read_chain(real.store, attempt.checkpoints[-1].sha256)
    assert len({point.screen.frame for point in chain}) > 2
    assert chain[2].executed[0].points, "where the field was clicked"


async def test_keys_and_buttons_are_held(real: Laboratory, backend: str) -> None:
    field = {"role": "text", "app": "mousepad"}
    steps = (
        {"fill": {**field, "text": "old"}},
        {"mouse_down": field},
        {"mouse_up": field},
        {"scroll": {**field, "dy": 1, "modifiers": ["shift"]}},
        {"hold": {"keys": "ctrl+a", "seconds": 0.1}},
        {"wait": 0},
        {"type": "new"},
        {"press": "ctrl+s"},
        {"wait_for": {"role": "frame", "name": "*", "exact": False, "state": "gone"}},
    )
    check = {"check": "text", "path": "~/note.txt", "equals": "new"}
    summary = await run_swarm(swarm(writes(*steps, checks=[check])), real.folder, real.home, backend=backend)
    [attempt] = real.read(summary.run).tasks["a"].attempts
    assert (attempt.status, attempt.reason) == ("succeeded", "")


async def test_every_connection_is_in_the_journal(
    real: Laboratory, backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = "import urllib.request as u; u.urlopen('http://host.internal:9/')"
    refused = "import urllib.request as u; u.urlopen('https://example.org/?key=secret')"
    script = f'python3 -c "{ask}"; python3 -c "{refused}"; exec mousepad done.txt'
    one = writes() | {
        "agent": {"kind": "script", "steps": [{"open": ["sh", "-c", script]}, {"focus": "done.txt"}]}
    }
    one["desktop"] = {"image": "slim", "network": {"allow": ["localhost:9"]}}
    summary = await run_swarm(swarm(one), real.folder, real.home, backend=backend)
    with Journal(real.home) as journal:
        records = list(journal.read(summary.run))
    made, not_made = (record.event for record in records if isinstance(record.event, ConnectionEnded))
    assert (made.number, made.host, made.port, made.allowed) == (1, "localhost", 9, True)
    assert (not_made.number, not_made.host, not_made.port, not_made.allowed) == (2, "example.org", 443, False)
    assert "not on this desktop's list" in not_made.reason
    assert "secret" not in "".join(record.event.model_dump_json() for record in records[1:])
    [attempt] = real.read(summary.run).tasks["a"].attempts
    assert (attempt.status, attempt.connections, attempt.refused) == ("succeeded", 1, not_made)
    monkeypatch.setenv("DESKSWARM_HOME", str(real.home))
    show_run(summary.run, None)
    shown = capsys.readouterr().out
    assert "made 1 network connections" in shown
    assert f"last refused a connection: {not_made.reason}" in shown


async def test_a_desktop_ended_in_mid_task_is_infra_and_tried_again(real: Laboratory, backend: str) -> None:
    one = writes(*({"type": f"{number} "} for number in range(8)), {"press": "ctrl+s"})
    seen, told = anyio.create_memory_object_stream[Record](math.inf)
    runs: list[str] = []

    async def end_the_first_desktop() -> None:
        async for record in told:
            if isinstance(record.event, CheckpointTaken) and record.event.step == 3:
                attempt = real.read(record.run).tasks["a"].attempts[0]
                assert attempt.desktop is not None
                await load_backend(backend, real.home).stop(attempt.desktop)
                return

    with seen, told:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end_the_first_desktop)
            summary = await run_swarm(
                swarm(one),
                real.folder,
                real.home,
                backend=backend,
                on_event=lambda record, _: seen.send_nowait(record),
            )
            runs.append(summary.run)
    first, second = real.read(runs[0]).tasks["a"].attempts
    assert (first.status, first.failure, second.status) == ("failed", "infra", "succeeded")
    assert 4 <= len(read_chain(real.store, first.checkpoints[-1].sha256)) < 12
    assert first.desktop != second.desktop
    ours = {first.desktop, second.desktop}
    assert ours.isdisjoint(record.id for record in await load_backend(backend, real.home).desktops())
