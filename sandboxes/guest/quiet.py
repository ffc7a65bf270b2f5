"""Waiting for quiet among things that never rest: a caret, a clock, a video."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

import anyio

from .rectangles import Rectangle

_TILE = 64
_REPEATS = 3
_RESTLESS = 2
_MOVING = 10
_MAX_PLACES = 10_000


@dataclass(slots=True)
class _History:
    """What has changed at one place during one wait. `moving_since` is when the motion began that has come
    here from a place beside it, or has never left."""

    times: int
    first: float
    last: float
    moving_since: float


class Quiet:
    """One wait for quiet, told of all that changes meanwhile.

    A place (a tile of the screen, or an object that announces something) at which changes come again and
    again over twice the quiet time is taken for one that will never rest. So is what moves over the
    screen without a pause for ten times as long.
    """

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._places: dict[Hashable, _History] = {}

    def painted(self, rectangles: Iterable[Rectangle]) -> None:
        now = self._loop.time()
        for tile in {tile for rectangle in rectangles for tile in _tiles(rectangle)}:
            self._note(tile, now, self._moving_since(tile, now))

    def announced(self, what: Hashable) -> None:
        """An application has said that something in its tree is another."""
        now = self._loop.time()
        self._note(what, now, now)

    async def over(self) -> None:
        """Wait until it has been quiet for long enough. The caller sets the deadline."""
        while True:
            left = self._due() - self._loop.time()
            if left <= 0:
                return
            await anyio.sleep(left)  # Not a poll: the time until the quiet is complete, if it lasts.

    def _note(self, place: Hashable, now: float, moving_since: float) -> None:
        if len(self._places) >= _MAX_PLACES and place not in self._places:
            place = None  # All others together.
        history = self._places.setdefault(place, _History(0, now, now, now))
        history.times += 1
        history.last = now
        history.moving_since = moving_since

    def _moving_since(self, tile: tuple[int, int], now: float) -> float:
        around = (self._places.get(place) for place in _around(tile))
        before = (history for history in around if history and now - self._quiet_s <= history.last < now)
        return min((history.moving_since for history in before), default=now)

    def _due(self) -> float:
        """When the quiet is complete, if nothing new changes until then."""
        counted = (history.last for history in self._places.values() if not self._restless(history))
        return max(counted, default=self._started) + self._quiet_s

    def _restless(self, history: _History) -> bool:
        again = history.times >= _REPEATS and history.last - history.first >= _RESTLESS * self._quiet_s
        return again or history.last - history.moving_since >= _MOVING * self._quiet_s


def _tiles(rectangle: Rectangle) -> Iterator[tuple[int, int]]:
    x, y, width, height = rectangle
    for row in range(y // _TILE, (y + height - 1) // _TILE + 1):
        for column in range(x // _TILE, (x + width - 1) // _TILE + 1):
            yield column, row


def _around(tile: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The tile and those beside it."""
    column, row = tile
    return ((x, y) for x in (column - 1, column, column + 1) for y in (row - 1, row, row + 1))
