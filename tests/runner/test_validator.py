"""The validator between all agents: schemas, staleness, judges; on simulated desktops."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.state import AttemptState
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number", "minimum": 0}},
    "additionalProperties": False,
}
MODEL = """
from pydantic import BaseModel, Field

class Report(BaseModel):
    total: float = Field(ge=0)

not_a_model = print
"""
JUDGES = '''
def yes(case):
    return True, "fine"

def no(case):
    return False, "not fine"

def once(case):
    """Good from the second attempt on."""
    return case["attempt"] > 1

def dies(case):
    raise ValueError("no idea")
'''


def writes(text: str, **more: Any) -> dict[str, Any]:
    """A task that writes this into its only output."""
    schema = more.pop("schema", None)
    output = {"path": "~/report.json"} | ({"schema": schema} if schema else {})
    steps = ({"open": ["notes", "~/report.json"]}, {"type": text}, {"press": "ctrl+s"})
    return task("a", *steps, outputs={"report": output}, **more)


async def run(lab: Laboratory, one: dict[str, Any]) -> AttemptState:
    (lab.folder / "models.py").write_text(MODEL)
    (lab.folder / "judges.py").write_text(JUDGES)
    state = await lab.run(one)
    return state.tasks["a"].attempts[-1]


@pytest.mark.parametrize("schema", [SCHEMA, {"python": "models:Report"}], ids=["json", "pydantic"])
@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('{"total": 12.5}', ""),
        ('{"total": -1}', "schema"),
        ('{"sum": 1}', "schema"),
        ("12", "schema"),
        ("no JSON", "schema"),
        ('{"total": 1', "truncated"),
        ("[" * 100_00 + "]" * 100_00, "schema"),
    ],
    ids=["good", "negative", "other", "number", "text", "cut", "deep"],
)
async def test_an_output_is_what_its_schema_says(
    lab: Laboratory, schema: dict[str, Any], text: str, cause: str
) -> None:
    attempt = await run(
        lab, writes(text[:9999], schema=schema) if len(text) < 9999 else _deep(lab, text, schema)
    )
    assert attempt.cause == cause, attempt.reason
    assert attempt.verdict is not None
    assert attempt.verdict.passed is (cause == "")


def _deep(lab: Laboratory, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Put there as an input, which the task may leave as it is."""
    (lab.folder / "deep.json").write_text(text)
    one = writes("", schema=schema)
    one["agent"]["steps"] = [{"press": "ctrl+a"}]
    one["outputs"]["report"]["fresh"] = False
    return one | {"inputs": {"deep": {"file": "deep.json", "to": "~/report.json"}}}


async def test_a_schema_with_patterns_is_judged_elsewhere_and_in_time(lab: Laboratory) -> None:
    schema = {"properties": {"total": {"pattern": "^[0-9]+$"}}}
    assert (await run(lab, writes('{"total": "12"}', schema=schema))).status == "succeeded"
    attempt = await run(lab, writes('{"total": "x"}', schema=schema))
    assert attempt.cause == "schema"


async def test_what_is_no_model_is_said(lab: Laboratory) -> None:
    attempt = await run(lab, writes("{}", schema={"python": "models:not_a_model"}))
    assert "models:not_a_model is no pydantic model" in attempt.reason


async def test_an_old_file_is_not_this_attempts_work(lab: Laboratory) -> None:
    (lab.folder / "old.json").write_text('{"total": 1}')
    one = writes("x") | {"inputs": {"old": {"file": "old.json", "to": "~/report.json"}}}
    one["agent"]["steps"] = [{"press": "ctrl+a"}]
    attempt = await run(lab, one)
    assert (attempt.failure, attempt.cause) == ("contract", "stale")


async def test_the_same_bytes_are_not_accepted_the_second_time(lab: Laboratory) -> None:
    one = writes("{}", judges={"panel": [{"name": "once", "python": "judges:once"}]})
    state_of = await run(lab, one | {"retry": {"contract": 1}})
    assert (state_of.number, state_of.cause) == (2, "stale")
    assert "refused of an earlier attempt" in state_of.reason


async def test_what_judges_disagreed_about_is_judged_anew(lab: Laboratory) -> None:
    """One of them may have been wrong; the agent, sure of its work, does the same again."""
    panel = [{"name": name, "python": f"judges:{name}"} for name in ("yes", "once")]
    policy = {"answers": {"contract.conflict": ["retry_fresh"]}}
    attempt = await run(lab, writes("{}", judges={"panel": panel}, policy=policy))
    assert (attempt.number, attempt.status) == (2, "succeeded")


async def test_each_opinion_is_a_record_and_the_verdict_follows(lab: Laboratory) -> None:
    panel = [{"name": name, "python": f"judges:{name}"} for name in ("yes", "no")]
    third = {"name": "program", "command": ["echo", json.dumps({"passed": True, "usage": {"tokens": 9}})]}
    judges = {"require": "majority", "panel": [*panel, third]}
    attempt = await run(lab, writes("{}", judges=judges))
    assert attempt.status == "succeeded"
    assert [(one.judge, one.passed) for one in attempt.opinions] == [
        ("yes", True),
        ("no", False),
        ("program", True),
    ]
    assert attempt.verdict is not None
    assert all(one.outputs == attempt.verdict.outputs for one in attempt.opinions)
    assert attempt.verdict.outputs["report"] == attempt.outputs["report"].sha256
    assert [finding.subject for finding in attempt.verdict.findings if not finding.ok] == ["judge no"]


async def test_disagreement_is_a_conflict(lab: Laboratory) -> None:
    panel = [{"name": name, "python": f"judges:{name}"} for name in ("yes", "no")]
    attempt = await run(lab, writes("{}", judges={"panel": panel}))
    assert (attempt.failure, attempt.cause) == ("contract", "conflict")
    assert attempt.verdict is not None
    assert attempt.verdict.conflict


async def test_judges_are_not_asked_about_what_has_failed_already(lab: Laboratory) -> None:
    judges = {"panel": [{"name": "yes", "python": "judges:yes"}]}
    check = {"check": "text", "path": "~/report.json", "equals": "other"}
    attempt = await run(lab, writes("{}", judges=judges, checks=[check]))
    assert (attempt.cause, attempt.opinions) == ("check", [])


async def test_a_judge_that_breaks_is_not_the_agents_failure(lab: Laboratory) -> None:
    judges = {"panel": [{"name": "dies", "python": "judges:dies"}]}
    attempt = await run(lab, writes("{}", judges=judges, retry={"infra": 0}))
    assert (attempt.failure, attempt.cause) == ("infra", "no_verdict")
    assert "no idea" in attempt.reason
