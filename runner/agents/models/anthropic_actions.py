"""Anthropic's vocabulary: the members of its computer toolset; the tools before it had them as `action`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from runner.actions import Action, Click, Drag, Hold, Hover, MouseButton, Scroll, Wait
from runner.agents.models.aiming import Aim, chord_of, modifiers_of, press, told_to_the_model, type_text
from runner.agents.models.answer import Call, Malformed
from sandboxes.spec import Model

_FIRST = frozenset(
    {
        "key", "type", "mouse_move", "left_click", "left_click_drag", "right_click", "middle_click",
        "double_click", "screenshot", "cursor_position",
    }
)  # fmt: skip
_SECOND = _FIRST | {"left_mouse_down", "left_mouse_up", "scroll", "hold_key", "wait", "triple_click"}
ACTIONS = {
    "computer_20241022": _FIRST,
    "computer_20250124": _SECOND,
    "computer_20251124": _SECOND | {"zoom"},
    "computer_toolset_20260801": _SECOND | {"zoom"},
}
"""What each version of the tool knows."""

_TURNS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
_CLICKS: dict[str, Literal["click", "right_click", "middle_click", "double_click", "triple_click"]] = {
    "left_click": "click",
    "right_click": "right_click",
    "middle_click": "middle_click",
    "double_click": "double_click",
    "triple_click": "triple_click",
}

XY = tuple[float, float]
Seconds = Annotated[float, Field(gt=0, le=300)]


class _Nothing(Model):
    pass


class _Click(Model):
    coordinate: XY | None = None
    text: str | None = None


class _Move(Model):
    coordinate: XY


class _Drag(Model):
    coordinate: XY
    start_coordinate: XY | None = None
    text: str | None = None


class _Scroll(Model):
    scroll_direction: Literal["up", "down", "left", "right"]
    scroll_amount: int = Field(ge=0, le=100)
    coordinate: XY | None = None
    text: str | None = None


class _Type(Model):
    text: str


class _Key(Model):
    text: str = Field(min_length=1)
    repeat: int = Field(default=1, ge=1, le=100)


class _Hold(Model):
    text: str = Field(min_length=1)
    duration: Seconds


class _Wait(Model):
    duration: Seconds


class _Zoom(Model):
    region: tuple[float, float, float, float]


_INPUTS: dict[str, type[Model]] = {
    **dict.fromkeys(("screenshot", "cursor_position", "left_mouse_down", "left_mouse_up"), _Nothing),
    **dict.fromkeys(_CLICKS, _Click),
    "mouse_move": _Move,
    "left_click_drag": _Drag,
    "scroll": _Scroll,
    "type": _Type,
    "key": _Key,
    "hold_key": _Hold,
    "wait": _Wait,
    "zoom": _Zoom,
}


def call_of(block: dict[str, Any], tool: str, aim: Aim) -> Call:
    """The call that a `tool_use` block makes. What makes no sense is its `problem`; it does not raise."""
    given = block.get("input")
    values = (
        {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else {}
    )
    toolset, name = block.get("toolset_name"), str(block.get("name"))
    call = Call(str(block["id"]), _in_words(name, values), toolset=toolset)
    try:
        if toolset is None:
            name, values = _member(name, values)
        if name not in ACTIONS[tool]:
            raise Malformed(f"there is no action {name!r:.80}; there are {', '.join(sorted(ACTIONS[tool]))}")
        with told_to_the_model():
            return _translated(call, _INPUTS[name].model_validate(values), name, aim)
    except Malformed as error:
        return Call(call.id, call.does, problem=str(error), toolset=toolset)


def _member(name: str, values: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Before the toolset, one tool took the action as a field, and a modifier also in `key`."""
    if name != "computer":
        raise Malformed(f"there is no tool {name!r:.80}; there is `computer`")
    action = str(values.pop("action", None))
    if action in (*_CLICKS, "scroll", "left_click_drag") and "key" in values:
        values.setdefault("text", values.pop("key"))
    return action, values


def _translated(call: Call, given: Model, name: str, aim: Aim) -> Call:
    match given:
        case _Zoom():
            return Call(call.id, call.does, shows=aim.region(*given.region), toolset=call.toolset)
        case _Nothing() if name in ("screenshot", "cursor_position"):
            shows: Literal["screen", "cursor"] = "screen" if name == "screenshot" else "cursor"
            return Call(call.id, call.does, shows=shows, toolset=call.toolset)
    return Call(call.id, call.does, actions=_actions(given, name, aim), toolset=call.toolset)


def _actions(given: Model, name: str, aim: Aim) -> tuple[Action, ...]:
    match given:
        case _Click():
            target = aim.at(*given.coordinate) if given.coordinate else aim.here()
            return (Click(do=_CLICKS[name], target=target, modifiers=modifiers_of(given.text)),)
        case _Move():
            return (Hover(do="hover", target=aim.at(*given.coordinate)),)
        case _Drag():
            start = aim.at(*given.start_coordinate) if given.start_coordinate else aim.here()
            end = aim.at(*given.coordinate)
            return (Drag(do="drag", start=start, end=end, modifiers=modifiers_of(given.text)),)
        case _Scroll():
            target = aim.at(*given.coordinate) if given.coordinate else aim.here()
            dx, dy = (way * given.scroll_amount for way in _TURNS[given.scroll_direction])
            return (Scroll(do="scroll", target=target, dx=dx, dy=dy, modifiers=modifiers_of(given.text)),)
        case _Type():
            return type_text(given.text)
        case _Key():
            return press(given.text, given.repeat)
        case _Hold():
            return (Hold(do="hold", keys=chord_of(given.text), seconds=given.duration),)
        case _Wait():
            return (Wait(do="wait", seconds=given.duration),)
    do: Literal["mouse_down", "mouse_up"] = "mouse_down" if name == "left_mouse_down" else "mouse_up"
    return (MouseButton(do=do, target=aim.here()),)


def _in_words(name: str, values: dict[str, Any]) -> str:
    return " ".join([name, *(f"{key}={value!s:.80}" for key, value in values.items())])[:300]
