"""OpenAI's vocabulary: a batch of actions in a call of `computer`, one in a call of its preview."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from runner.actions import Action, Click, Drag, Hover, Press, Scroll, Target, Wait
from runner.agents.models.aiming import Aim, chord, told_to_the_model, type_text
from runner.agents.models.answer import Call, Malformed, SafetyCheck
from sandboxes.spec import Model

PIXELS_PER_TURN = 50  # of the wheel; what applications make of a turn differs
WAIT_S = 2.0
_BUTTONS: dict[str, Literal["click", "right_click", "middle_click", "back_click", "forward_click"]] = {
    "left": "click",
    "right": "right_click",
    "wheel": "middle_click",
    "back": "back_click",
    "forward": "forward_click",
}

Held = Annotated[list[str] | None, Field(max_length=4)]


class _Click(Model):
    type: Literal["click"]
    button: Literal["left", "right", "wheel", "back", "forward"]
    x: float
    y: float
    keys: Held = None


class _DoubleClick(Model):
    type: Literal["double_click"]
    x: float
    y: float
    keys: Held = None


class _XY(Model):
    x: float
    y: float


class _Drag(Model):
    type: Literal["drag"]
    path: list[_XY] = Field(min_length=2, max_length=200)
    keys: Held = None


class _Keypress(Model):
    type: Literal["keypress"]
    keys: list[str] = Field(min_length=1, max_length=8)


class _Move(Model):
    type: Literal["move"]
    x: float
    y: float
    keys: Held = None


class _Screenshot(Model):
    type: Literal["screenshot"]


class _Scroll(Model):
    type: Literal["scroll"]
    x: float
    y: float
    scroll_x: float
    scroll_y: float
    keys: Held = None


class _Type(Model):
    type: Literal["type"]
    text: str


class _Wait(Model):
    type: Literal["wait"]


_Asked = Annotated[
    _Click | _DoubleClick | _Drag | _Keypress | _Move | _Screenshot | _Scroll | _Type | _Wait,
    Field(discriminator="type"),
]
_ASKED: TypeAdapter[_Asked] = TypeAdapter(_Asked)


def call_of(item: dict[str, Any], aim: Aim) -> Call:
    """The call that a `computer_call` makes: of a batch, what comes before an action that makes no sense.

    Every call wants a screenshot back. It does not raise.
    """
    asked = item.get("actions") or [item.get("action")]
    actions, problem = list[Action](), ""
    for number, one in enumerate(asked, 1):
        try:
            actions += _translated(one, aim)
        except Malformed as error:
            problem = f"action {number} of {len(asked)} was not carried out, nor any after it: {error}"
            break
    does = ", ".join(_in_words(one) for one in asked)[:300]
    checks = tuple(_check(check) for check in item.get("pending_safety_checks") or ())
    return Call(item["call_id"], does, tuple(actions), "screen", problem, checks=checks)


def _check(check: dict[str, Any]) -> SafetyCheck:
    return SafetyCheck(check["id"], check.get("code") or "", check.get("message") or "")


def _translated(value: Any, aim: Aim) -> tuple[Action, ...]:
    with told_to_the_model():
        asked = _ASKED.validate_python(value)
        match asked:
            case _Click():
                return (_click(_BUTTONS[asked.button], aim.at(asked.x, asked.y), asked.keys),)
            case _DoubleClick():
                return (_click("double_click", aim.at(asked.x, asked.y), asked.keys),)
            case _Drag():
                return (_drag(asked, aim),)
            case _Keypress():
                return (Press(do="press", keys=chord(asked.keys)),)
            case _Move():
                if asked.keys:
                    raise Malformed("keys cannot be held while the pointer moves")
                return (Hover(do="hover", target=aim.at(asked.x, asked.y)),)
            case _Scroll():
                turns = _turns(asked.scroll_x), _turns(asked.scroll_y)
                return (_scroll(aim.at(asked.x, asked.y), *turns, asked.keys),)
            case _Type():
                return type_text(asked.text)
            case _Wait():
                return (Wait(do="wait", seconds=WAIT_S),)
    return ()


def _click(
    do: Literal["click", "right_click", "middle_click", "back_click", "forward_click", "double_click"],
    target: Target,
    keys: Held,
) -> Click:
    return Click(do=do, target=target, modifiers=tuple(keys or ()))


def _drag(asked: _Drag, aim: Aim) -> Drag:
    first, *between, last = asked.path
    start = aim.at(first.x, first.y)
    through = tuple(aim.point(one.x, one.y) for one in between)
    end = aim.at(last.x, last.y)
    return Drag(do="drag", start=start, end=end, through=through, modifiers=tuple(asked.keys or ()))


def _scroll(target: Target, dx: int, dy: int, keys: Held) -> Scroll:
    return Scroll(do="scroll", target=target, dx=dx, dy=dy, modifiers=tuple(keys or ()))


def _turns(pixels: float) -> int:
    """Turns of the wheel: at least one for any distance, a hundred at most."""
    if not pixels:
        return 0
    turns = min(100, max(1, round(abs(pixels) / PIXELS_PER_TURN)))
    return turns if pixels > 0 else -turns


def _in_words(value: Any) -> str:
    if not isinstance(value, dict):
        return "nothing"
    rest = (f"{key}={item!s:.80}" for key, item in value.items() if key != "type" and item is not None)
    return " ".join([str(value.get("type")), *rest])
