"""Actions as JSON: deskswarm's own, as a process agent says them, but in points of the image."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from runner.agents.base import Act, Ask, Done, Failed, Usage
from runner.agents.models.aiming import Aim, told_to_the_model
from runner.agents.models.answer import Call, Malformed

MANUAL = """\
Answer with one JSON object and nothing else: one of
{"say": "act", "actions": [...], "note": "why"}
{"say": "done", "note": "what you did"}
{"say": "failed", "reason": "why it cannot be done"}
{"say": "ask", "question": "what you must know from your user", "default": "what holds without an answer"}

Actions are carried out in order, up to the first that fails. Points are those of the screenshot.
{"click": {"at": {"x": 10, "y": 20}, "modifiers": ["ctrl"]}}
    also double_click, triple_click, right_click, middle_click, hover
{"drag": {"start": {"at": {"x": 10, "y": 20}}, "end": {"at": {"x": 90, "y": 20}}}}
{"scroll": {"at": {"x": 10, "y": 20}, "dy": 3}}
    turns of the wheel; negative is up; dx for sideways
{"type": "text; a newline is Return"}
{"press": "ctrl+s"}
{"wait": 2}"""

_Said = Act | Done | Failed | Ask
_SAID: TypeAdapter[_Said] = TypeAdapter(Annotated[_Said, Field(discriminator="say")])
_FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


def parse(text: str, aim: Aim) -> tuple[tuple[Call, ...], Done | Failed | Ask | None]:
    """The one call of an answer, or its end. What makes no sense is the call's problem."""
    try:
        reply = _reply(text, aim)
    except Malformed as error:
        return (Call(None, "nothing", problem=str(error)),), None
    if isinstance(reply, Act):
        does = ", ".join(action.do for action in reply.actions)[:300]
        return (Call(None, does, actions=reply.actions),), None
    return (), reply.model_copy(update={"usage": Usage()})


def _reply(text: str, aim: Aim) -> _Said:
    fenced = _FENCED.search(text)
    try:
        value = _on_screen(json.loads(fenced[1] if fenced else text), aim)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the answer is no JSON object: {error}") from None
    with told_to_the_model():
        return _SAID.validate_python(value)


def _on_screen(value: Any, aim: Aim) -> Any:
    """The same with every point as one of the screen."""
    match value:
        case {"x": int() | float() as x, "y": int() | float() as y}:
            return aim.point(x, y).model_dump()
        case dict():
            return {key: _on_screen(item, aim) for key, item in value.items()}
        case list():
            return [_on_screen(item, aim) for item in value]
    return value
