"""What an agent may ask for: actions on a desktop, aimed at a point or at an accessible object.

Every agent speaks this one vocabulary. Written by hand, an action is a mapping with one key, its
verb: `{click: {role: push button, name: OK}}`, `{type: hello}`, `{press: ctrl+s}`. Models and
journals use the long form, `{"do": "click", "target": {...}}`; both validate to the same thing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from sandboxes.guest.protocol import Button, Keys, Modifiers, Point
from sandboxes.spec import Model, Name


class Target(Model):
    """Where to act: an accessible object found by what it is, or a point on the screen.

    `name` and `text` match whole unless `exact` is false, when they match as a part, without case. Beside a
    point, `role`, `name`, `text` and `app` say what the agent takes to be there; what is there is compared.
    """

    role: str | None = Field(default=None, max_length=100)
    name: str | None = Field(default=None, max_length=1000)
    text: str | None = Field(default=None, max_length=1000)
    app: str | None = Field(default=None, max_length=200)
    states: tuple[str, ...] = ()
    exact: bool = True
    nth: int | None = Field(default=None, ge=0, description="which of several matches; else one must match")
    at: Point | None = Field(default=None, description="a point; what stands beside it says what is there")
    timeout: float = Field(default=10, gt=0, le=600)

    @model_validator(mode="after")
    def _aims_at_one_thing(self) -> Self:
        described = bool(self.states) or not (self.role is self.name is self.text is None)
        if self.at is None and not described:
            raise ValueError("says nothing of where; give `role`, `name`, `text`, `states` or `at`")
        if self.at is not None and (self.states or self.nth is not None):
            raise ValueError("a point (`at`) is one place; `states` and `nth` choose among objects")
        return self


class Click(Model):
    do: Literal[
        "click", "double_click", "triple_click", "right_click", "middle_click", "back_click", "forward_click"
    ]
    target: Target
    modifiers: Modifiers = ()


class MouseButton(Model):
    """Go to the target and press a button there, which stays down, or release it there."""

    do: Literal["mouse_down", "mouse_up"]
    target: Target
    button: Button = "left"


class Hover(Model):
    do: Literal["hover"]
    target: Target


class Drag(Model):
    do: Literal["drag"]
    start: Target
    end: Target
    through: tuple[Point, ...] = Field(default=(), max_length=198, description="on the way, in order")
    button: Button = "left"
    modifiers: Modifiers = ()


class Scroll(Model):
    """Wheel clicks over the target: `dy` > 0 scrolls down."""

    do: Literal["scroll"]
    target: Target
    dx: int = Field(default=0, ge=-100, le=100)
    dy: int = Field(default=0, ge=-100, le=100)
    modifiers: Modifiers = ()


class Type(Model):
    """Type text where the focus is; or a secret, which is known here by its name alone (docs/secrets.md)."""

    do: Literal["type"]
    text: str = Field(default="", max_length=10_000)
    secret: Name | None = Field(default=None, description="one of the task's secrets, in place of a text")

    @model_validator(mode="after")
    def _types_one_thing(self) -> Self:
        if bool(self.text) == (self.secret is not None):
            raise ValueError("give one of `text`, at least a character, and `secret`")
        return self


class Fill(Model):
    """Click a text field, select all it holds, and type the text, or a secret, over it."""

    do: Literal["fill"]
    target: Target
    text: str = Field(default="", max_length=10_000)
    secret: Name | None = Field(default=None, description="one of the task's secrets, in place of a text")

    @model_validator(mode="after")
    def _types_one_thing(self) -> Self:
        if self.secret is not None and self.text:
            raise ValueError("give one of `text` and `secret`")
        if self.secret is None and "text" not in self.model_fields_set:
            raise ValueError("give `text` or `secret`")
        return self


class Press(Model):
    do: Literal["press"]
    keys: Keys
    count: int = Field(default=1, ge=1, le=100)


class Hold(Model):
    """Keep a key or a chord down for some seconds."""

    do: Literal["hold"]
    keys: Keys
    seconds: float = Field(gt=0, le=300)


class Open(Model):
    """Start a program on the desktop, as a launcher would."""

    do: Literal["open"]
    argv: tuple[str, ...] = Field(min_length=1, max_length=100)


class Focus(Model):
    """Bring the window whose title holds this text to the front, waiting for it to appear."""

    do: Literal["focus"]
    title: str = Field(min_length=1, max_length=1000)
    timeout: float = Field(default=10, gt=0, le=600)


class WaitFor(Model):
    """Wait until the target is there, or gone."""

    do: Literal["wait_for"]
    target: Target
    state: Literal["visible", "gone"] = "visible"


class Wait(Model):
    """Let time go by; none at all is to look again."""

    do: Literal["wait"]
    seconds: float = Field(ge=0, le=300)


Action = Annotated[
    Annotated[
        Click
        | MouseButton
        | Hover
        | Drag
        | Scroll
        | Type
        | Fill
        | Press
        | Hold
        | Open
        | Focus
        | WaitFor
        | Wait,
        Field(discriminator="do"),
    ],
    BeforeValidator(lambda value: expand_short_form(value)),
]

_VERBS: dict[str, type[Model]] = {
    verb: model
    for model in get_args(get_args(Action)[0])
    for verb in get_args(model.model_fields["do"].annotation)
}
_ONE_VALUE = {"type": "text", "press": "keys", "open": "argv", "focus": "title", "wait": "seconds"}


def expand_short_form(value: Any) -> Any:
    """`{verb: arguments}` as `{"do": verb, ...}`; anything else unchanged, for pydantic to judge.

    Fields of a target may stand beside the action's own: `{click: {role: entry, modifiers: [ctrl]}}`.
    Where a name is both, it is the action's: the `text` of `fill` is what to type.
    """
    if not isinstance(value, dict) or len(value) != 1 or "do" in value:
        return value
    [(verb, arguments)] = value.items()
    if not isinstance(arguments, dict):
        return {"do": verb, _ONE_VALUE.get(verb, "target"): arguments}
    model = _VERBS.get(verb)
    if model is None or "target" not in model.model_fields or "target" in arguments:
        return {"do": verb, **arguments}
    aims = Target.model_fields.keys() - model.model_fields.keys()
    target = {key: item for key, item in arguments.items() if key in aims}
    return {"do": verb, "target": target, **{key: arguments[key] for key in arguments.keys() - aims}}


def short_form(action: Action) -> dict[str, Any]:
    """An action as one writes it by hand; `expand_short_form` takes it back."""
    fields = action.model_dump(mode="json", exclude_defaults=True)
    verb, target = fields.pop("do"), fields.pop("target", None)
    if verb == "fill" and "secret" not in fields:
        fields.setdefault("text", "")  # nothing is typed over what is there
    if target is None:
        only = _ONE_VALUE.get(verb, "")
        return {verb: fields[only] if fields.keys() == {only} else fields}
    if target.keys() & type(action).model_fields.keys():
        return {verb: {"target": target, **fields}}
    return {verb: {**target, **fields}}
