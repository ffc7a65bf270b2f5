"""What a check found."""

from __future__ import annotations

from pydantic import Field, JsonValue

from sandboxes.errors import DeskswarmError
from sandboxes.spec import Model

_MAX_DETAIL = 1000


class CheckResult(Model):
    """A ruling. `detail` is one line, what was expected and what was found; `facts` are values found. Where
    it is `broken` the check itself failed, which says nothing of the work."""

    ok: bool
    broken: bool = False
    detail: str
    facts: dict[str, JsonValue] = Field(default_factory=dict)


class NotReadable(DeskswarmError):
    """A file is not what the check reads. Never leaves `judge`, which makes it a failed check."""

    kind = "contract"


def passed(detail: str, **facts: JsonValue) -> CheckResult:
    return CheckResult(ok=True, detail=one_line(detail), facts=facts)


def failed(detail: str, **facts: JsonValue) -> CheckResult:
    return CheckResult(ok=False, detail=one_line(detail), facts=facts)


def broken(detail: str, **facts: JsonValue) -> CheckResult:
    return CheckResult(ok=False, broken=True, detail=one_line(detail), facts=facts)


def one_line(text: str) -> str:
    """The text without what an untrusted file may hold to confuse a terminal; cut with a mark."""
    line = "".join(char if char.isprintable() else " " for char in text[: 2 * _MAX_DETAIL])
    return line if len(line) <= _MAX_DETAIL else f"{line[:_MAX_DETAIL]}..."


def shown(value: object, limit: int = 120) -> str:
    """A found or expected value, short enough for a line that holds several."""
    text = repr(value[: limit + 1] if isinstance(value, str) else value)
    return text if len(text) <= limit else f"{text[:limit]}..."
