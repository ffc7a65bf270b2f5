"""Moving, clicking, dragging and scrolling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from math import ceil, hypot

from Xlib import X
from Xlib.ext import xtest

from .display import Display
from .failures import RequestFailed
from .protocol import Button, Point

_BUTTONS: dict[Button, int] = {"left": 1, "middle": 2, "right": 3, "back": 8, "forward": 9}
_UP, _DOWN, _LEFT, _RIGHT = 4, 5, 6, 7
_STEP_PIXELS = 15
_MANAGER_S = 2.0
_STEPS_PER_ANSWER = 8


class Pointer:
    """The pointer through XTEST. `consumed` waits until the active application has read what was sent."""

    def __init__(self, display: Display, consumed: Callable[[], Awaitable[None]]) -> None:
        self._display = display
        self._consumed = consumed
        self._held: list[int] = []

    def check(self, *points: Point) -> None:
        """Fails for a point off the screen."""
        width, height = self._display.width, self._display.height
        for point in points:
            if not (0 <= point.x < width and 0 <= point.y < height):
                raise RequestFailed(
                    "action_failed", f"({point.x}, {point.y}) is not on the {width}x{height} screen"
                )

    def move(self, to: Point) -> None:
        self.check(to)
        self._motion(to.x, to.y)
        self._display.sync()

    async def click(self, at: Point, button: Button, count: int) -> None:
        self.move(at)
        for _ in range(count):
            self._tap(_BUTTONS[button])
        for _ in range(count):  # It is shown the next press only when it has passed on the last.
            await self._display.manager_caught_up(_MANAGER_S)

    def scroll(self, at: Point, dx: int, dy: int) -> None:
        self.move(at)
        for _ in range(abs(dy)):
            self._tap(_DOWN if dy > 0 else _UP)
        for _ in range(abs(dx)):
            self._tap(_RIGHT if dx > 0 else _LEFT)
        self._display.sync()

    async def drag(self, path: tuple[Point, ...], button: Button) -> None:
        """Applications decide what a drag is as they see it move, so they are given the time to look."""
        self.check(*path)
        self.move(path[0])
        await self.hold(button)
        try:
            await self._consumed()
            for number, (x, y) in enumerate(_steps(path)):
                self._motion(x, y)
                self._display.sync()
                if number % _STEPS_PER_ANSWER == 0:
                    await self._consumed()
            await self._consumed()
        finally:
            self.release(button)

    async def hold(self, button: Button) -> None:
        """Press a button and leave it down."""
        self._send(X.ButtonPress, _BUTTONS[button])
        self._held.append(_BUTTONS[button])
        await self._display.manager_caught_up(_MANAGER_S)

    def release(self, button: Button) -> None:
        number = _BUTTONS[button]
        self._send(X.ButtonRelease, number)
        if number in self._held:
            self._held.remove(number)
        self._display.sync()

    def release_all(self) -> None:
        """Release every button that was left down."""
        if not self._held:
            return
        while self._held:
            self._send(X.ButtonRelease, self._held.pop())
        self._display.sync()

    def _tap(self, number: int) -> None:
        self._send(X.ButtonPress, number)
        self._send(X.ButtonRelease, number)

    def _motion(self, x: int, y: int) -> None:
        xtest.fake_input(self._display.x, X.MotionNotify, x=x, y=y)

    def _send(self, kind: int, number: int) -> None:
        xtest.fake_input(self._display.x, kind, number)


def _steps(path: tuple[Point, ...]) -> Iterator[tuple[int, int]]:
    """Points along a path, close enough together that no application takes it for a jump."""
    for start, end in pairwise(path):
        count = max(2, ceil(hypot(end.x - start.x, end.y - start.y) / _STEP_PIXELS))
        for step in range(1, count + 1):
            yield (
                start.x + (end.x - start.x) * step // count,
                start.y + (end.y - start.y) * step // count,
            )
