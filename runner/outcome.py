"""How an attempt, or a part of it, ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandboxes.desktop import Desktop
from sandboxes.errors import DeadlineExceeded, DesktopSilent, FailureKind

GAVE_UP = "gave_up"
EVALUATOR = "evaluator"
"""The cause where what rules on the work failed itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failure` is None where it went well; `cause` says in a word what made it fail (docs/guardrails.md)."""

    failure: FailureKind | None = None
    reason: str = ""
    cause: str = ""


@contextmanager
def must_answer(desktop: Desktop) -> Iterator[None]:
    """Where no agent has a part in it, a desktop that does not answer in time is a lost one, and `infra`."""
    try:
        yield
    except DeadlineExceeded as error:
        raise DesktopSilent(f"desktop {desktop.id} does not answer: {error}") from error
