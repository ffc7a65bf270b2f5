"""What pydantic found wrong, in words a person can act on: the field, the value, the fix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runner.actions import Target
from runner.errors import MAX_PROBLEMS, Loc, SpecProblem, suggest
from runner.hooks import Function
from runner.spec import DesktopPath, Swarm
from runner.yaml_source import Node, Place, locate
from sandboxes.spec import Name

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "a boolean",
    "bool_parsing": "a boolean",
    "none_required": "nothing",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _pattern(kind: Any) -> str:
    """The regular expression of an annotated string type."""
    (field,) = get_args(kind)[1:]
    return next(str(item.pattern) for item in field.metadata if hasattr(item, "pattern"))


_PATTERNS = {
    _pattern(Name): "a name is at most 63 of a-z, 0-9, `.`, `_` and `-`, and starts with a letter or digit",
    _pattern(Function): "a function is named as `module:function`",
    _pattern(DesktopPath): "a path on the desktop starts with / or ~",
}


def explain(
    error: ValidationError, root: Node | None = None, model: type[BaseModel] = Swarm
) -> list[SpecProblem]:
    """One problem for each place, in the order of the text; without a text, in pydantic's.

    A value that fits no member of a union is one problem, not one for every member. `model` is what the
    value was validated against.
    """
    found: dict[Loc, list[tuple[Place | None, ErrorDetails]]] = {}
    for details in _relevant(error):
        place = locate(root, details["loc"]) if root else None
        found.setdefault(_shown_loc(place, details), []).append((place, details))
    return [_problem(model, loc, *zip(*group, strict=True)) for loc, group in found.items()]


def _relevant(error: ValidationError) -> Iterator[ErrorDetails]:
    """Without what only follows from the rest.

    A mapping, wrong inside, is not the text it could have been instead; wrong items do not count as items.
    """
    for details in error.errors(include_url=False)[: 2 * MAX_PROBLEMS]:
        value, kind = details["input"], details["type"]
        is_text_member = kind == "string_type" and details["loc"][-1:] == ("str",)
        is_count_of_right_ones = kind == "too_short" and len(value) >= details["ctx"]["min_length"]
        if not (is_text_member and isinstance(value, dict)) and not is_count_of_right_ones:
            yield details


def _shown_loc(place: Place | None, details: ErrorDetails) -> Loc:
    loc = details["loc"]
    if place is None:
        return loc
    return (*place.path, loc[-1]) if details["type"] == "missing" else place.path


def _problem(
    model: type[BaseModel], loc: Loc, places: tuple[Place | None, ...], group: tuple[ErrorDetails, ...]
) -> SpecProblem:
    place = places[0]
    wanted = list(dict.fromkeys(_WANTED[one["type"]] for one in group if one["type"] in _WANTED))
    message = _wrong_type(wanted, group[0], place) if wanted else _message(model, group[0], place)
    if place is None:
        return SpecProblem(loc, message)
    at_key = place.key is not None and group[0]["type"] == "extra_forbidden"
    return SpecProblem(loc, message, *(place.key if at_key and place.key else place.node.mark))


def _wrong_type(wanted: list[str], details: ErrorDetails, place: Place | None) -> str:
    value, raw = details["input"], place.node.raw if place else ""
    wants = " or ".join(filter(None, (", ".join(wanted[:-1]), wanted[-1])))
    if value is None:
        return f"empty; {wants} is wanted"
    if isinstance(value, str) and wants == "a list":
        return f"{_shown(value)} — a list is wanted; write [{value[:60]}]"
    if not isinstance(value, bool | int | float):
        return f"{_shown(value)} — {wants} is wanted"
    kind = "a boolean" if isinstance(value, bool) else "a number"
    quote = f"; quote it: '{raw or value}'" if "text" in wanted else ""
    return f"{raw or value} — {kind}, where {wants} is wanted{quote}"


def _message(model: type[BaseModel], details: ErrorDetails, place: Place | None) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "missing":
            return "missing"
        case "extra_forbidden":
            return f"no such field{suggest(str(details['loc'][-1]), fields_at(details['loc'][:-1], model))}"
        case "union_tag_invalid":
            known = [tag.strip("' ") for tag in context["expected_tags"].split(",")]
            return f"'{context['tag'][:60]}' — no such {_DISCRIMINATED[context['discriminator']]}" + suggest(
                context["tag"], known
            )
        case "union_tag_not_found":
            return _TAG_MISSING[context["discriminator"]]
        case "string_pattern_mismatch":
            why = _PATTERNS.get(context["pattern"], f"it does not match {context['pattern']}")
            return f"{_shown(details['input'])} — {why}"
        case "value_error":
            return str(context["error"])
    return f"{_shown(details['input'])} — {_lowered(details['msg'])}"


_DISCRIMINATED = {"'kind'": "kind of agent", "'check'": "check", "'do'": "action", "'by'": "planner"}
_TAG_MISSING = {
    "'kind'": "`kind` is missing; an agent is `kind: script`, `kind: process` or a model: `kind: anthropic`",
    "'by'": "`by` is missing; a planner is `by: file`, `by: python` or `by: model`",
    "'check'": "`check` is missing; it says what to check, as `check: file_exists`",
    "'do'": "an action is a mapping with one key, its verb, as `click: {role: push button, name: OK}`",
}


def _lowered(text: str) -> str:
    text = text.removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _shown(value: Any) -> str:
    """A value short enough for one line."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def fields_at(loc: Loc, model: type[BaseModel] = Swarm) -> list[str]:
    """The fields a mapping at this place of a swarm, or of another model, may have."""
    kind: Any = model
    for part in loc:
        kind = _inside(kind, part)
    if not _is_model(kind):
        return []
    names = [field.alias or name for name, field in kind.model_fields.items()]
    if "target" in names and "do" in names:  # an action: a target's fields may stand beside its own
        names += Target.model_fields
    return names


def _inside(kind: Any, part: str | int) -> Any:
    """The type of the part of a value; a union's member is found by its tag."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _inside(arguments[0], part)
    if origin in (Union, UnionType):
        return next((member for member in _members(kind) if _has_tag(member, part)), kind)
    if origin is tuple:
        return arguments[0]
    if origin is dict:
        return arguments[1]
    if _is_model(kind):
        return next((f.annotation for name, f in kind.model_fields.items() if part in (name, f.alias)), kind)
    return kind


def _members(kind: Any) -> Iterator[Any]:
    """The members of a union and of the unions in it."""
    if get_origin(kind) is Annotated:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _members(member)
    else:
        yield kind


def _has_tag(kind: Any, part: str | int) -> bool:
    return _is_model(kind) and any(
        get_origin(field.annotation) is Literal and part in get_args(field.annotation)
        for field in kind.model_fields.values()
    )


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
