"""What all vocabularies need to become actions: points on the screen, keys, errors a model understands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from runner.actions import Action, Press, Target, Type
from runner.agents.models.answer import Malformed, Region
from runner.agents.models.scaling import OutsideImage, Scale
from sandboxes.guest.protocol import MAX_TEXT, Point
from sandboxes.wire import first_problem

_KEYS = {"+": "plus", " ": "space"}


@dataclass(slots=True)
class Aim:
    """Where points of an image are on the screen, and where the pointer will be by then."""

    scale: Scale
    cursor: Point

    def at(self, x: float, y: float) -> Target:
        """The pointer goes there. Raises Malformed where that is outside."""
        self.cursor = self.point(x, y)
        return self.here()

    def here(self) -> Target:
        return Target(at=self.cursor)

    def point(self, x: float, y: float) -> Point:
        try:
            return self.scale.to_screen(x, y)
        except OutsideImage as error:
            raise Malformed(str(error)) from None

    def region(self, x0: float, y0: float, x1: float, y1: float) -> Region:
        try:
            return self.scale.region(x0, y0, x1, y1)
        except OutsideImage as error:
            raise Malformed(str(error)) from None


@contextmanager
def told_to_the_model() -> Iterator[None]:
    """What pydantic refuses becomes Malformed, with the field and what is wrong with it."""
    try:
        yield
    except ValidationError as error:
        raise Malformed(first_problem(error)) from None


def chord(keys: list[str]) -> str:
    """Keys to be pressed together, as `ctrl+s`."""
    return "+".join(_KEYS.get(key, key) for key in keys)


def chord_of(text: str) -> str:
    """The same, from text: `ctrl++` has the plus key in it."""
    plus = ["+"] if text.endswith("+") else []
    before = text.rstrip("+")
    return chord([*(before.split("+") if before else []), *plus])


def press(text: str, count: int = 1) -> tuple[Action, ...]:
    """Chords, one after another where blanks part them: `ctrl+a Delete`."""
    chords = text.split() or [text]
    return tuple(Press(do="press", keys=chord_of(one), count=count) for one in chords)


def type_text(text: str) -> tuple[Action, ...]:
    """Of any length. Raises Malformed for none."""
    if not text:
        raise Malformed("text: there is nothing to type")
    pieces = [text[start : start + MAX_TEXT] for start in range(0, len(text), MAX_TEXT)]
    return tuple(Type(do="type", text=piece) for piece in pieces)


def modifiers_of(text: str | None) -> tuple[str, ...]:
    return tuple(chord_of(text).split("+")) if text else ()
