"""What an endpoint of OSWorld's guest protocol is: where it is, what it takes, what it answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, ValidationError

from sandboxes.errors import DeskswarmError
from sandboxes.spec import Model
from sandboxes.wire import first_error

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

A = TypeVar("A", bound="Args")


class Args(Model):
    """Base of what endpoints take. OSWorld's server ignores fields it does not know, and so do we."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, whole."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(DeskswarmError):
    """The request cannot be carried out: the status says whether it or the desktop is at fault."""

    def __init__(self, status: int, message: str, /, **more: object) -> None:
        super().__init__(message)
        self.answer = refusal(status, message, **more)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`act` says that it changes the desktop, so that a request sent again must not be carried out again."""

    method: Literal["GET", "POST"]
    paths: tuple[str, ...]
    respond: Callable[[Mapping[str, object]], Awaitable[Answer]]
    act: bool


def endpoint(
    method: Literal["GET", "POST"],
    paths: str | tuple[str, ...],
    args: type[A],
    answer: Callable[[A], Awaitable[Answer]],
    *,
    act: bool = False,
) -> Endpoint:
    """`answer` gets the fields of a request's body, checked; what does not pass is refused with 400."""

    async def respond(fields: Mapping[str, object]) -> Answer:
        try:
            checked = args.model_validate(fields)
        except ValidationError as error:
            raise Refused(400, _describe(error)) from None
        return await answer(checked)

    return Endpoint(method, (paths,) if isinstance(paths, str) else paths, respond, act)


def _describe(error: ValidationError) -> str:
    where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
    return f"{where:.100}: {first_error(error)}"


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


def as_text(text: str) -> Answer:
    return Answer(200, text.encode(), TEXT)


def refusal(status: int, message: str, /, **more: object) -> Answer:
    """The fields of all the shapes in which OSWorld's server reports what is wrong."""
    return as_json({"status": "error", "message": message, "error": message, **more}, status)
