"""What a caller gives, checked before it is sent."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sandboxes.errors import InputError

M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], **fields: Any) -> M:
    """The model made of these fields. Raises InputError that names the first wrong one and its value."""
    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or model.__name__.lower()
        raise InputError(f"{where}: {first['msg']} (got {first['input']!r:.80})") from None
