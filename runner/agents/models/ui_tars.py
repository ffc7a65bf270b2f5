"""The actions UI-TARS and models after it write as text: `Action: click(point='<point>100 200</point>')`."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any, Literal

from runner.actions import Action, Click, Drag, Hover, Scroll, Wait
from runner.agents.base import Ask, Done, Failed
from runner.agents.models.aiming import Aim, press, told_to_the_model, type_text
from runner.agents.models.answer import Call, Malformed, end_of

MANUAL = """\
Answer in two parts:
Thought: what you see and what you will do, in a sentence or two.
Action: one of the actions below, or several of them with an empty line between.

click(point='<point>x y</point>')
left_double(point='<point>x y</point>')
right_single(point='<point>x y</point>')
drag(start_point='<point>x y</point>', end_point='<point>x y</point>')
hotkey(key='ctrl c')
type(content='text')  # a newline at the end submits
scroll(point='<point>x y</point>', direction='down')  # or up, left, right
wait()
call_user(content='a question for your user, if you cannot go on without an answer')
finished(content='what you did')  # or, if it cannot be done, 'FAILED: the reason'"""

WAIT_S = 5.0
SCROLL_TURNS = 5
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ACTION = re.compile(r"(?im)^\s*action:\s*")
_BLANK_LINE = re.compile(r"\n\s*\n")
_WHOLE = re.compile(r"\w+\(.*\)")
_CLICKS: dict[str, Literal["click", "double_click", "right_click"]] = {
    "click": "click",
    "left_single": "click",
    "left_double": "double_click",
    "right_single": "right_click",
}
_WAYS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
_POINTS = {"point": "start_box", "start_point": "start_box", "end_point": "end_box"}

Ending = Done | Failed | Ask


def parse(text: str, aim: Aim) -> tuple[tuple[Call, ...], Ending | None]:
    """The calls of an answer, up to one that ends it or makes no sense, and that end."""
    calls: list[Call] = []
    for line in _lines(text):
        try:
            name, values = _call(line)
            if (end := _end(name, values)) is not None:
                return tuple(calls), end
            with told_to_the_model():
                calls.append(Call(None, line[:300], actions=_actions(name, values, aim)))
        except Malformed as error:
            calls.append(Call(None, line[:300], problem=str(error)))
            break
    return tuple(calls), None


def _lines(text: str) -> list[str]:
    """Each call as written; literal newlines within a quoted text stay in it."""
    found = _ACTION.split(text)[1:]
    parts = [part.strip() for one in found for part in _BLANK_LINE.split(one)]
    return [line for part in parts for line in _apart(part) if line] or [text.strip()]


def _apart(text: str) -> list[str]:
    """Several calls on lines of their own, or one whose text goes over lines."""
    lines = text.splitlines()
    return lines if all(_WHOLE.fullmatch(line.strip()) for line in lines) else [text]


def _call(line: str) -> tuple[str, dict[str, str]]:
    """A call as Python would read it. Raises Malformed."""
    escaped = line.replace("\n", "\\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            tree = ast.parse(escaped, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.args:
        raise Malformed(f"no action is written like this: {line[:200]!r}; write `Action: click(point='…')`")
    values = {
        one.arg: one.value.value for one in tree.keywords if one.arg and isinstance(one.value, ast.Constant)
    }
    return tree.func.id, {_POINTS.get(key, key): str(value) for key, value in values.items()}


def _end(name: str, values: dict[str, str]) -> Ending | None:
    content = values.get("content", "")
    match name:
        case "finished":
            return end_of(content)
        case "call_user":
            return Ask(question=content[:20_000] or "The agent asks for help: what should it do?", default="")
    return None


def _actions(name: str, values: dict[str, str], aim: Aim) -> tuple[Action, ...]:
    if name in _CLICKS:
        return (Click(do=_CLICKS[name], target=aim.at(*_point(values, "start_box"))),)
    match name:
        case "hover" | "move" | "mouse_move":
            return (Hover(do="hover", target=aim.at(*_point(values, "start_box"))),)
        case "drag" | "select":
            start = aim.at(*_point(values, "start_box"))
            return (Drag(do="drag", start=start, end=aim.at(*_point(values, "end_box"))),)
        case "hotkey" | "press":
            return press("+".join(_wanted(values, "key").split()))
        case "type":
            return type_text(_wanted(values, "content"))
        case "scroll":
            return (_scroll(values, aim),)
        case "wait":
            return (Wait(do="wait", seconds=WAIT_S),)
    raise Malformed(f"there is no action {name!r:.80}")


def _scroll(values: dict[str, str], aim: Aim) -> Scroll:
    direction = _wanted(values, "direction")
    if direction not in _WAYS:
        raise Malformed(f"direction: {direction!r:.80} is none of {', '.join(_WAYS)}")
    target = aim.at(*_point(values, "start_box")) if "start_box" in values else aim.here()
    dx, dy = (way * SCROLL_TURNS for way in _WAYS[direction])
    return Scroll(do="scroll", target=target, dx=dx, dy=dy)


def _point(values: dict[str, str], key: str) -> tuple[float, float]:
    """Of `<point>x y</point>`, `(x,y)` and boxes, whose middle is meant."""
    numbers: list[Any] = [float(number) for number in _NUMBER.findall(_wanted(values, key))]
    match numbers:
        case [x, y]:
            return x, y
        case [x0, y0, x1, y1]:
            return (x0 + x1) / 2, (y0 + y1) / 2
    raise Malformed(f"{key}: {values[key]!r:.80} is no point; write '<point>x y</point>'")


def _wanted(values: dict[str, str], key: str) -> str:
    if key not in values:
        raise Malformed(f"{key} is missing")
    return values[key]
