"""Models that write their actions as text, behind an endpoint that speaks chat completions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.agents.models import json_actions, ui_tars
from runner.agents.models.aiming import Aim
from runner.agents.models.scaling import Scale
from sandboxes.guest.protocol import Point
from tests.runner.laboratory import Laboratory
from tests.runner.models.openai_server import ChatServer
from tests.runner.models.strict import Json
from tests.runner.models.studio import NOTE, attempt_at, center, questions, typed
from tests.runner.models.test_openai import person


def aim() -> Aim:
    return Aim(Scale((640, 480), (640, 480)), Point(x=7, y=8))


def agent(actions: str = "ui_tars", **more: Any) -> Json:
    return {
        "kind": "openai_compatible", "model": "local", "base_url": "/v1", "actions": actions,
        "key_env": "LOCAL_KEY", **more,
    }  # fmt: skip


def thousandths(name: str) -> str:
    x, y = center(name)
    return f"<point>{x * 1000 // 640} {y * 1000 // 480}</point>"


def does(action: str) -> Json:
    return {"text": f"Thought: next.\nAction: {action}"}


@pytest.mark.anyio
async def test_a_session_with_ui_tars(lab: Laboratory) -> None:
    server = ChatServer(
        does("wait()") | {"counts": False},
        does("type(content='wrong')"),
        does(f"click(point='{thousandths('Clear')}')"),
        does(f"left_double(point='{thousandths('Note')}')"),
        does("type(content='hello')"),
        does("hotkey(key='ctrl s')"),
        does("finished(content='Saved.')"),
    )
    waits = pytest.MonkeyPatch()
    waits.setattr(ui_tars, "WAIT_S", 0.0)
    try:
        attempt, chain = await attempt_at(lab, server, agent(coordinates="thousandths"), checks=[NOTE])
    finally:
        waits.undo()
    assert (attempt.status, attempt.reason, server.rejections) == ("succeeded", "", [])
    assert typed(chain) == ["wait", "type", "click", "double_click", "type", "press"]
    assert attempt.usage.tokens > 6 * 200, "what the server does not count is estimated"
    assert "thousandths" in server.requests[0]["messages"][0]["content"]


@pytest.mark.anyio
async def test_a_session_with_json(lab: Laboratory) -> None:
    x, y = center("Clear")
    click = f'{{"click": {{"at": {{"x": {x // 2}, "y": {y // 2}}}}}}}'
    focus = f'{{"click": {{"at": {{"x": {center("Note")[0] // 2}, "y": {center("Note")[1] // 2}}}}}}}'
    server = ChatServer(
        {"text": f'{{"say": "act", "actions": [{{"type": "wrong"}}, {click}], "note": "clear it"}}'},
        {
            "text": "```json\n"
            f'{{"say": "act", "actions": [{focus}, {{"type": "hello"}}, {{"press": "ctrl+s"}}]}}\n```'
        },
        {"text": '{"say": "done", "note": "Saved."}'},
    )
    attempt, chain = await attempt_at(lab, server, agent("json", image_edge=320), checks=[NOTE])
    assert (attempt.status, attempt.reason, server.rejections) == ("succeeded", "", [])
    assert typed(chain) == ["type", "click", "click", "type", "press"]
    assert attempt.usage.tokens == 3 * 200


@pytest.mark.anyio
@pytest.mark.parametrize("actions", ["ui_tars", "json"])
async def test_what_is_no_action_is_told_to_the_model(lab: Laboratory, actions: str) -> None:
    end = (
        does("finished(content='FAILED: no')")
        if actions == "ui_tars"
        else {"text": '{"say": "failed", "reason": "no"}'}
    )
    server = ChatServer({"text": "Sure! I will click."}, end)
    attempt, _ = await attempt_at(lab, server, agent(actions))
    assert (attempt.failure, attempt.cause, attempt.reason, server.rejections) == (
        "agent",
        "gave_up",
        "no",
        [],
    )
    assert "Error: " in server.requests[1]["messages"][-1]["content"][0]["text"]


@pytest.mark.anyio
async def test_a_model_that_needs_its_user_gets_an_answer(lab: Laboratory) -> None:
    server = ChatServer(
        does("call_user(content='Which word?')"),
        does("type(content='hello')\n\nhotkey(key='ctrl s')\n\nfinished(content='Saved.')"),
    )
    attempt, _ = await attempt_at(lab, server, agent(), person("hello"), checks=[NOTE])
    assert (attempt.status, attempt.reason, server.rejections) == ("succeeded", "", [])
    assert questions(lab)[0].question == "Which word?"
    assert "The answer is: hello" in server.requests[1]["messages"][-1]["content"][0]["text"]


@pytest.mark.anyio
@pytest.mark.parametrize("how", [{"refusal": "No."}, {"text": "", "finish": "content_filter"}])
async def test_a_refusal_is_an_outcome_of_its_own(lab: Laboratory, how: Json) -> None:
    attempt, _ = await attempt_at(lab, ChatServer(how), agent())
    assert (attempt.failure, attempt.cause) == ("agent", "refused")


@pytest.mark.anyio
async def test_screenshots_left_out_are_noted(lab: Laboratory) -> None:
    server = ChatServer(
        *[does(f"type(content='{number}')") for number in range(5)], does("finished(content='')")
    )
    attempt, _ = await attempt_at(lab, server, agent(context={"screenshots": 1}))
    assert (attempt.status, server.rejections) == ("succeeded", [])
    for request in server.requests:
        assert str(request).count("image_url': {'url'") == 1
    assert str(server.requests[-1]).count("it was left out") == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Action: click(start_box='(10,20)')", {"do": "click", "target": {"at": {"x": 10, "y": 20}}}),
        (
            "Action: click(start_box='<|box_start|>(10,20)<|box_end|>')",
            {"do": "click", "target": {"at": {"x": 10, "y": 20}}},
        ),
        (
            "Action: right_single(point='<point>1 2</point>')",
            {"do": "right_click", "target": {"at": {"x": 1, "y": 2}}},
        ),
        ("Action: scroll(direction='up')", {"do": "scroll", "target": {"at": {"x": 7, "y": 8}}, "dy": -5}),
        ("Action: type(content='two\nlines \\'so\\'')", {"do": "type", "text": "two\nlines 'so'"}),
        ("Action: type(content='C:\\\\dir\\n')", {"do": "type", "text": "C:\\dir\n"}),
        ("Action: hotkey(key='ctrl shift t')", {"do": "press", "keys": "ctrl+shift+t"}),
        (
            "Action: drag(start_point='<point>1 2</point>', end_point='<point>3 4</point>')",
            {"do": "drag", "start": {"at": {"x": 1, "y": 2}}, "end": {"at": {"x": 3, "y": 4}}},
        ),
    ],
)
def test_what_ui_tars_writes(text: str, expected: Json) -> None:
    [call], end = ui_tars.parse(text, aim())
    assert (call.problem, end) == ("", None)
    assert call.actions[0].model_dump(exclude_defaults=True) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Action: click()", "start_box is missing"),
        ("Action: click(point='here')", "is no point"),
        ("Action: click(point='<point>1 9999</point>')", "outside the image"),
        ("Action: scroll(direction='in')", "'in' is none of"),
        ("Action: __import__('os')", "no action is written like this"),
        ("Action: launch(content='x')", "there is no action 'launch'"),
        ("Action: " + "(" * 5000, "no action is written like this"),
    ],
)
def test_what_ui_tars_may_not_write(text: str, problem: str) -> None:
    [call], end = ui_tars.parse(text, aim())
    assert problem in call.problem
    assert (call.actions, end) == ((), None)


def test_json_that_is_too_deep_is_told_to_the_model() -> None:
    [call], end = json_actions.parse("[" * 50_000, aim())
    assert "no JSON object" in call.problem
    [call], end = json_actions.parse("[" * 990 + "]" * 990, aim())
    assert call.problem
    assert end is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for style in (ui_tars, json_actions):
        for given_text in (text, f"Action: {text}", f'{{"say": {text}}}'):
            calls, end = style.parse(given_text, aim())
            assert calls or end is not None
