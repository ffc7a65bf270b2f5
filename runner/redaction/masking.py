"""Masks every text of a record, whatever kind of record it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

from runner.redaction.secrets import Secrets

_IS_DIGEST = re.compile("[0-9a-f]{64}").fullmatch
_MADE_BY_DESKSWARM = frozenset({"run", "desktop", "fork_of", "controller", "folder"})
"""Fields without anybody's words: digits in them may be those of a PIN, and must stay."""

_MAY_GROW_TO = 100
"""The shortest limit of any text: a mask makes a short text no longer than this, and a long one no longer."""

Masked = TypeVar("Masked", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Masking:
    """Takes secrets out of records; with `parts`, also what is left of a value where its text was cut."""

    secrets: Secrets
    parts: bool = False

    def model(self, model: Masked) -> Masked:
        """A copy in which no text holds a secret; the same object where none did."""
        if not self.secrets:
            return model
        found = {name: getattr(model, name) for name in _open_fields(type(model))}
        masked = {name: self.value(value) for name, value in found.items()}
        changed = {name: value for name, value in masked.items() if value is not found[name]}
        return model.model_copy(update=changed) if changed else model

    def value(self, value: Any) -> Any:
        """The same for what a field holds."""
        match value:
            case str():
                return self._text(value)
            case BaseModel():
                return self.model(value)
            case tuple() | list():
                items = [self.value(item) for item in value]
                changed = any(new is not old for new, old in zip(items, value, strict=True))
                return type(value)(items) if changed else value
            case dict():
                pairs = {self.value(key): self._json(item) for key, item in value.items()}
                return value if pairs == value else pairs
        return value

    def _json(self, value: Any) -> Any:
        """In a mapping any JSON may stand: so also a text where there was a number."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            digits = str(value)
            return value if self._text(digits) == digits else self._text(digits)
        return self.value(value)

    def _text(self, text: str) -> str:
        if _IS_DIGEST(text) and not self.secrets.is_one(text):  # or a PIN would part a record from its frame
            return text
        masked = self.secrets.mask_parts(text) if self.parts else self.secrets.mask(text)
        return text if masked == text else masked[: max(len(text), _MAY_GROW_TO)]


@cache
def _open_fields(kind: type[BaseModel]) -> tuple[str, ...]:
    """The fields that may hold any text: not those with a fixed choice of words."""
    return tuple(
        name
        for name, field in kind.model_fields.items()
        if name not in _MADE_BY_DESKSWARM and not _is_choice(field.annotation)
    )


def _is_choice(annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return True
    arguments = [one for one in get_args(annotation) if one is not NoneType]
    return bool(arguments) and all(get_origin(one) is Literal for one in arguments)
