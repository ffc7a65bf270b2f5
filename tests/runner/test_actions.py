"""The short form and the long form of an action are one vocabulary."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from runner.actions import Action

_ACTION: TypeAdapter[Action] = TypeAdapter(Action)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"type": "a"}, {"do": "type", "text": "a"}),
        ({"type": {"text": "a"}}, {"do": "type", "text": "a"}),
        ({"press": "ctrl+s"}, {"do": "press", "keys": "ctrl+s"}),
        ({"press": {"keys": "Down", "count": 3}}, {"do": "press", "keys": "Down", "count": 3}),
        ({"open": ["a", "b"]}, {"do": "open", "argv": ["a", "b"]}),
        ({"focus": "a"}, {"do": "focus", "title": "a"}),
        ({"focus": {"title": "a", "timeout": 5}}, {"do": "focus", "title": "a", "timeout": 5}),
        ({"click": {"name": "a"}}, {"do": "click", "target": {"name": "a"}}),
        ({"click": {"target": {"name": "a"}}}, {"do": "click", "target": {"name": "a"}}),
        (
            {"right_click": {"at": {"x": 1, "y": 2}, "modifiers": ["ctrl"]}},
            {"do": "right_click", "target": {"at": {"x": 1, "y": 2}}, "modifiers": ["ctrl"]},
        ),
        ({"fill": {"role": "entry", "text": ""}}, {"do": "fill", "target": {"role": "entry"}, "text": ""}),
        (
            {"fill": {"target": {"text": "old"}, "text": "new"}},
            {"do": "fill", "target": {"text": "old"}, "text": "new"},
        ),
        ({"scroll": {"role": "table", "dy": 3}}, {"do": "scroll", "target": {"role": "table"}, "dy": 3}),
        (
            {"wait_for": {"text": "Saved", "state": "gone", "timeout": 30}},
            {"do": "wait_for", "target": {"text": "Saved", "timeout": 30}, "state": "gone"},
        ),
        (
            {"drag": {"start": {"name": "a"}, "end": {"name": "b"}}},
            {"do": "drag", "start": {"name": "a"}, "end": {"name": "b"}},
        ),
    ],
)
def test_both_forms_are_the_same_action(short: object, long: object) -> None:
    action = _ACTION.validate_python(short)
    assert action == _ACTION.validate_python(long)
    assert action == _ACTION.validate_json(_ACTION.dump_json(action))


@pytest.mark.parametrize(
    "value",
    [
        "click", None, [], {}, {"click": None}, {"click": "OK"}, {"click": {}}, {"type": ""}, {"type": 5},
        {"do": "click"}, {"do": "type", "text": "a", "extra": 1}, {"fill": {"role": "entry"}},
        {"click": {"name": "a"}, "type": "b"}, {"click": {"at": {"x": 1, "y": 2}, "nth": 0}},
        {"click": {"app": "a"}}, {"drag": {"start": {"name": "a"}}}, {"jump": {"name": "a"}},
        {"drag": {"start": {"name": "a"}, "end": {"name": "b"}, "timeout": 3}},
    ],
)  # fmt: skip
def test_what_is_no_action_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        _ACTION.validate_python(value)
