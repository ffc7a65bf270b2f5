"""Actions, targets and states in a few words, for people."""

from __future__ import annotations

from runner.actions import (
    Action,
    Click,
    Drag,
    Fill,
    Focus,
    Hold,
    Hover,
    MouseButton,
    Open,
    Press,
    Scroll,
    Target,
    Type,
    Wait,
    WaitFor,
)
from runner.state import RunState
from sandboxes.owner import Owner


def status_of(state: RunState) -> str:
    """As the journal tells it; `abandoned` where the controller of an unfinished run is dead."""
    if state.status == "running" and not Owner.parse(state.controller).is_alive():
        return "abandoned"
    return state.status


def describe(action: Action) -> str:
    """What an action does and to what: `click push button “Save”`."""
    return f"{verb(action)} {detail(action)}"


def verb(action: Action) -> str:
    return action.do.replace("_", " ")


def detail(action: Action) -> str:
    match action:
        case Drag():
            return f"{describe_target(action.start)} → {describe_target(action.end)}"
        case Scroll():
            ways = [(action.dy, "down", "up"), (action.dx, "right", "left")]
            turns = [f"{abs(by)} {ahead if by > 0 else back}" for by, ahead, back in ways if by]
            return f"{', '.join(turns)} over {describe_target(action.target)}"
        case Type():
            return _typed(action)
        case Fill():
            return f"{describe_target(action.target)} with {_typed(action)}"
        case Press():
            return action.keys + (f" {action.count} times" if action.count > 1 else "")
        case Open():
            return " ".join(action.argv)
        case Focus():
            return f"window {_quoted(action.title)}"
        case WaitFor():
            return f"{describe_target(action.target)} to be {action.state}"
        case Hold():
            return f"{action.keys} for {action.seconds:g} s"
        case Wait():
            return f"{action.seconds:g} s"
        case Hover() | MouseButton():
            return describe_target(action.target)
        case Click():
            return "+".join((*action.modifiers, describe_target(action.target)))


def _typed(action: Type | Fill) -> str:
    return _quoted(action.text) if action.secret is None else f"the secret {action.secret}"


def describe_target(target: Target) -> str:
    if target.at is not None:
        return f"({target.at.x}, {target.at.y})"
    words = [target.role or "object"]
    words += [_quoted(text) for text in (target.name, target.text) if text is not None]
    words += [f"in {target.app}"] if target.app else []
    words += [f"#{target.nth}"] if target.nth is not None else []
    return " ".join(words)


def _quoted(text: str) -> str:
    return f"“{text}”"
