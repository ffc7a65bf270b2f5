"""What a model's answer is, whoever gave it: calls to carry out, or a decision that ends its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from runner.actions import Action
from runner.agents.base import Ask, Done, Failed
from runner.agents.models.pricing import Tokens
from sandboxes.guest.protocol import Point

FAILED = "FAILED:"

Region = tuple[Point, Point]
"""A part of the screen, by its first and its last pixel."""


class Malformed(ValueError):
    """What a model asks for makes no sense. The message is for the model."""


@dataclass(frozen=True, slots=True)
class SafetyCheck:
    """What a provider wants a person to look at before a call is carried out."""

    id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the tool. `id` is None where the model writes its actions as text.

    `shows` is what is wanted back besides an acknowledgement: the screen, a part of it enlarged, or where the
    pointer is. `problem` is what is wrong behind its `actions`, which are carried out nevertheless; `does`
    says all of it in a few words.
    """

    id: str | None
    does: str
    actions: tuple[Action, ...] = ()
    shows: Literal["nothing", "screen", "cursor"] | Region = "nothing"
    problem: str = ""
    toolset: str | None = None
    checks: tuple[SafetyCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """`sent_back` are the items of the answer as the provider wants to have them again. There is a call or an
    `end` at least; where there are both, the end holds once all calls have succeeded."""

    sent_back: list[dict[str, Any]]
    text: str
    tokens: Tokens
    calls: tuple[Call, ...] = ()
    end: Done | Failed | Ask | None = None

    @property
    def summary(self) -> str:
        """For the note that stands in its place once it is left out."""
        words = [" ".join(self.text.split())[:160], *(call.does for call in self.calls)]
        return "; ".join(filter(None, words))[:400]


def end_of(text: str) -> Done | Failed:
    """What a model means that stops without a call: it is done, or says that it cannot be done."""
    line = next((line for line in text.splitlines() if line.strip().startswith(FAILED)), None)
    if line is not None:
        return Failed(reason=line.strip().removeprefix(FAILED).strip()[:20_000] or "no reason given")
    return Done(note=text[:20_000], brief=text[:100_000])


def refused(reason: str) -> Failed:
    return Failed(reason=f"the model refuses: {reason or 'no reason given'}"[:20_000], cause="refused")
