"""Guarded sessions on real desktops: honest work is left alone, the rest is refused or stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.controller import run_swarm
from runner.state import AttemptState
from tests.runner.laboratory import Laboratory, swarm

# What is guarded is the same whatever makes the desktop.
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", ["bubblewrap"], indirect=True)]
EDITOR: tuple[dict[str, Any], ...] = ({"open": ["mousepad", "note.txt"]}, {"focus": "note.txt"})
LINES = "\n".join(f"line {number}" for number in range(20))


@pytest.fixture
def real(home: Path, tmp_path: Path) -> Laboratory:
    return Laboratory(home, tmp_path)


async def attempt_at(real: Laboratory, backend: str, *steps: dict[str, Any], **more: Any) -> AttemptState:
    desktop = {"image": "slim", "screen": {"width": 1024, "height": 768}}
    agent = {"kind": "script", "steps": [*EDITOR, *steps]}
    one = {"id": "a", "instruction": "Write a note.", "desktop": desktop, "agent": agent, **more}
    summary = await run_swarm(swarm(one), real.folder, real.home, backend=backend)
    return real.read(summary.run).tasks["a"].attempts[-1]


async def test_honest_work_within_its_allow_list_is_left_alone(real: Laboratory, backend: str) -> None:
    attempt = await attempt_at(
        real,
        backend,
        {"fill": {"role": "text", "app": "mousepad", "text": LINES}},
        {"press": "ctrl+Home"},
        *[{"press": "Down"}] * 15,
        {"press": "ctrl+s"},
        {"wait_for": {"role": "frame", "name": "*", "exact": False, "state": "gone"}},
        outputs={"note": {"path": "~/note.txt"}},
        allow={
            "applications": ["mousepad"],
            "windows": ["*note.txt*"],
            "keys": ["ctrl+*", "Down"],
            "commands": ["mousepad"],
        },
        monitors={"repeats": {"times": 3}},
    )
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    assert (attempt.warnings, attempt.refusals) == ([], [])


async def test_a_loop_on_a_real_screen_is_stopped(real: Laboratory, backend: str) -> None:
    attempt = await attempt_at(real, backend, *[{"press": "Escape"}] * 20)
    assert (attempt.failure, attempt.cause) == ("agent", "repeats"), attempt.reason
    assert attempt.steps < 12


async def test_a_wrong_target_and_a_place_outside_are_refused(real: Laboratory, backend: str) -> None:
    menu = {"at": {"x": 1023, "y": 600}, "role": "menu", "name": "File"}
    attempt = await attempt_at(real, backend, {"wait_for": {"role": "menu", "name": "File"}}, {"click": menu})
    [refused] = attempt.refusals
    assert refused.monitor == "targets"
    assert "that is at" in refused.reason
    outside = {"click": {"at": {"x": 1020, "y": 740}}}
    attempt = await attempt_at(real, backend, outside, allow={"applications": ["mousepad"]})
    assert [one.monitor for one in attempt.refusals] == ["allow"]
