"""A program as an agent that says what it is given, one line at each view."""

from __future__ import annotations

import json
import sys
from typing import Any

from runner.exports.recording import Recording, find_recording
from tests.runner.laboratory import SMALL, Laboratory, swarm

FILE, SAVE_ITEM, SAVE, ENTRY, TITLE_BAR = (60, 80), (60, 107), (80, 415), (300, 250), (300, 50)
_PROGRAM = """
import json, sys
answers = iter(json.load(open("answers.json")))
for line in sys.stdin:
    if json.loads(line)["say"] == "view":
        print(json.dumps(next(answers)), flush=True)
"""


def at(place: tuple[int, int]) -> dict[str, Any]:
    return {"at": {"x": place[0], "y": place[1]}}


def act(*actions: dict[str, Any], note: str = "", **more: Any) -> dict[str, Any]:
    return {"say": "act", "actions": actions, "note": note, **more}


async def play(lab: Laboratory, *answers: dict[str, Any], **more: Any) -> str:
    """Run a task `a` whose agent says this; the run's id."""
    (lab.folder / "agent.py").write_text(_PROGRAM)
    (lab.folder / "answers.json").write_text(json.dumps(answers))
    agent = {"kind": "process", "command": [sys.executable, "agent.py"], "screenshots": False}
    one = {"id": "a", "instruction": "Write a note.", "agent": agent, "desktop": SMALL, **more}
    return (await lab.run_swarm(swarm(one))).id


async def recorded(lab: Laboratory, *answers: dict[str, Any], **more: Any) -> Recording:
    return find_recording(lab.read(await play(lab, *answers, **more)), lab.store, "a")
