"""Judges: real processes and real functions, what they say, and what becomes of those that say nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.artifacts import sha256
from runner.events import VerdictGiven
from runner.judges import JudgeError, Opinion, ask_panel, weigh
from runner.spec import Task
from tests.runner.laboratory import task

pytestmark = pytest.mark.anyio

JUDGES = """
import os, pathlib

def reads(case):
    print("what a judge prints is not its opinion")
    text = pathlib.Path(case["outputs"]["note"]["file"]).read_text()
    return "hello" in text, f"{case['task']} says {text}"

def no(case):
    return False

def full(case):
    return {"passed": True, "reason": case["instruction"], "facts": {"n": 1}, "usage": {"tokens": 7}}

def nonsense(case):
    return "yes"

def dies(case):
    raise ValueError("no idea")
"""
PROGRAM = """
import json, sys
case = json.load(sys.stdin)
print(json.dumps({"passed": case["findings"][0]["ok"], "reason": "the findings say so"}))
"""
SAYS_YES = ["echo", '{"passed": true}']


async def ask(folder: Path, *panel: dict[str, object]) -> list[Opinion | JudgeError]:
    (folder / "judges.py").write_text(JUDGES)
    (folder / "program.py").write_text(PROGRAM)
    outputs = {"note": {"path": "~/note.txt"}}
    judged = Task.model_validate(task("a", outputs=outputs, judges={"panel": panel}))
    finding = {"subject": "output note", "ok": True}
    verdict = VerdictGiven.model_validate(
        {
            "task": "a",
            "attempt": 1,
            "passed": True,
            "findings": [finding],
            "outputs": {"note": sha256(b"hello")},
        }
    )
    return await ask_panel(judged, verdict, {"note": b"hello"}, folder)


async def test_functions_and_programs_say_what_they_think(tmp_path: Path) -> None:
    said = await ask(
        tmp_path,
        {"name": "reads", "python": "judges:reads"},
        {"name": "no", "python": "judges:no"},
        {"name": "full", "python": "judges:full"},
        {"name": "program", "command": [sys.executable, "program.py"]},
    )
    opinions = [one for one in said if isinstance(one, Opinion)]
    assert [(one.judge, one.passed, one.reason) for one in opinions] == [
        ("reads", True, "a says hello"),
        ("no", False, ""),
        ("full", True, "Write a note."),
        ("program", True, "the findings say so"),
    ]
    assert (opinions[2].facts, opinions[2].usage.tokens) == ({"n": 1}, 7)


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ({"python": "judges:nonsense"}, "not an opinion"),
        ({"python": "judges:dies"}, "no idea"),
        ({"python": "judges:absent"}, "has no function 'absent'"),
        ({"python": "nowhere:f"}, "no such module"),
        ({"command": ["./absent"]}, "does not start"),
        ({"command": ["sleep", "60"], "timeout": 0.3}, "no opinion within 0.3 s"),
        ({"command": ["false"]}, "ended with 1"),
    ],
)
async def test_a_judge_that_says_nothing_is_no_verdict(
    tmp_path: Path, judge: dict[str, object], message: str
) -> None:
    good, bad = await ask(tmp_path, {"name": "good", "command": SAYS_YES}, {"name": "bad", **judge})
    assert isinstance(good, Opinion), "the others are still heard"
    assert isinstance(bad, JudgeError)
    assert message in str(bad)
    assert bad.kind == "infra"


@pytest.mark.parametrize(
    ("require", "said", "expected"),
    [
        ("all", "yy", (True, False)),
        ("all", "nn", (False, False)),
        ("all", "yn", (False, True)),
        ("majority", "yyn", (True, False)),
        ("majority", "ynn", (False, False)),
        ("majority", "yn", (False, True)),
        ("majority", "y", (True, False)),
    ],
)
def test_opinions_are_weighed(require: str, said: str, expected: tuple[bool, bool]) -> None:
    opinions = [Opinion(judge=str(n), passed=one == "y") for n, one in enumerate(said)]
    assert weigh(require, opinions) == expected
