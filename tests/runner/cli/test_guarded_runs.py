"""What guards did is told by the command line, and what they need is asked for before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.cli.command import Command

SWARM = """
name: guarded
agents:
  writer: {kind: script, steps: [{type: a}, {press: Escape}, {press: Escape}, {press: alt+F4}]}
tasks:
  - id: a
    instruction: Write a note.
    agent: writer
    desktop: {screen: {width: 640, height: 480}}
    allow: {keys: [Escape]}
    monitors: {repeats: {times: 2, then: warn}}
"""
NOWHERE = """
    outputs: {note: {path: ~/note.txt, schema: {python: "absent:Note"}}}
    judges: {panel: [{name: a, python: "absent:judge"}]}
"""


@pytest.fixture
def deskswarm(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_show_and_watch_tell_what_was_warned_of_and_refused(deskswarm: Command) -> None:
    run = deskswarm.run(SWARM, code=1)["run"]
    for shown in (deskswarm("show", run).stdout, deskswarm("watch", run, code=1).stdout):
        assert "warning by repeats: the same step on the same screen, 2 times; the last: press" in shown
        assert "refused by allow: the keys 'alt+F4' are not allowed; allowed: Escape" in shown
    assert "failed (agent.gave_up)" in deskswarm("show", run).stdout


def test_a_module_that_is_not_there_is_told_before_anything_starts(deskswarm: Command) -> None:
    said = deskswarm("run", deskswarm.file(SWARM.rstrip() + NOWHERE), "--backend", "simulated", code=2).stderr
    assert "outputs.note.schema.python: 'absent:Note' — no absent.py beside the swarm file" in said
    assert "judges.panel[0].python: 'absent:judge' — no absent.py beside the swarm file" in said
