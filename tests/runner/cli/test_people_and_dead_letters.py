"""`ask`, `dead-letters` and `locks`, as people use them, beside a run in another process."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runner.cli.command import PATIENCE_S, Command, read_until

SWARM = """
name: filing
locks:
  portal: {description: one account}
policy:
  answers:
    agent: [person, abort_branch]
escalate:
  path: [{to: ada, within_s: 300}]
tasks:
  - id: file
    instruction: File the return.
    locks: [portal]
    agent:
      kind: script
      steps:
        - click: {role: push button, name: No such button, timeout: 0.2}
  - id: note
    instruction: Write a note.
    agent:
      kind: script
      steps: [{type: hello}]
"""


@pytest.fixture
def deskswarm(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    for process in command.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def asked(deskswarm: Command) -> dict[str, Any]:
    """The open question, as soon as there is one."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = json.loads(deskswarm("ask", "ls", "--json").stdout)
        if found:
            question: dict[str, Any] = found[0]
            return question
    raise AssertionError("no question was asked")


def test_a_question_is_answered_from_the_command_line_and_the_dead_letter_read(deskswarm: Command) -> None:
    running = deskswarm.start("run", deskswarm.file(SWARM), "--backend", "simulated", "--json")
    read_until(running, "asks ada", "stderr")
    question = asked(deskswarm)
    assert (question["question"], question["to"], question["default"]) == ("file.1.1", "ada", "abort_branch")
    assert "file.1.1" in deskswarm("ask", "ls", "last").stdout
    told = deskswarm("ask", "show", "last", "file").stdout
    assert "No such button" in told
    assert "choices: 'retry_fresh'" in told
    refused = deskswarm("ask", "answer", "last", "file", "perhaps", code=2)
    assert "'perhaps' is no choice of file.1.1; choose 'retry_fresh'" in refused.stderr
    deskswarm("ask", "answer", "last", "file", "retry_fresh", "--note", "it was slow")
    out, _ = running.communicate(timeout=PATIENCE_S)
    result = json.loads(out)
    assert (running.returncode, [task["attempts"] for task in result["tasks"]]) == (1, [2, 1])
    assert "answered: it was slow" in deskswarm("show", "last").stdout
    assert deskswarm("ask", "ls").stdout.splitlines()[1:] == []
    assert "answered" in deskswarm("ask", "ls", "--all").stdout
    assert "file" in deskswarm("dead-letters", "ls").stdout
    assert "agent" in deskswarm("dead-letters", "show", "last", "file").stdout
    [letter] = json.loads(deskswarm("dead-letters", "ls", "--json").stdout)
    assert letter["task"] == "file"
    assert "portal  1" in deskswarm("locks", "last").stdout
    assert "deskswarm resume" in deskswarm("dead-letters", "requeue", "last", "file").stdout
    assert deskswarm("dead-letters", "ls").stdout.splitlines()[1:] == []


def test_the_webhook_answers_from_a_process_of_its_own(
    deskswarm: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = deskswarm.start("run", deskswarm.file(SWARM), "--backend", "simulated", "--json")
    read_until(running, "asks ada", "stderr")
    monkeypatch.setenv("DESKSWARM_WEBHOOK_TOKEN", "of-the-test")
    serving = deskswarm.start("ask", "serve")
    url = read_until(serving, "http://127.0.0.1:", "stderr").strip()
    body = {"run": asked(deskswarm)["run"], "question": "file.1.1", "choice": "abort_branch"}
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Authorization": "Bearer of-the-test"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
        assert json.loads(reply.read()) == {"answered": "file.1.1", "choice": "abort_branch"}
    running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 1
    serving.terminate()
    assert serving.wait(timeout=PATIENCE_S) == 143
    assert b"of-the-test" not in (deskswarm.home / "journal.db").read_bytes()
