"""What is painted on the screen and when, from XDAMAGE events: no polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from Xlib.display import Display as XDisplay
from Xlib.ext import damage

from .paths import DISPLAY
from .quiet import Quiet
from .rectangles import Rectangle

_CURSOR_CHANGES = 1


class Moment(NamedTuple):
    """Between two that are equal nothing on the screen has changed, nor the pointer."""

    paints: int
    cursors: int
    pointer: tuple[int, int]


class PaintWatch:
    """Counts paints and waits for quiet.

    It has a connection of its own: the damage events of a busy screen must not hold up a round trip.
    The server reports an area once and then not again until the damage is cleared, which happens only
    while somebody waits or looks; a playing video that nobody watches costs nothing.
    """

    def __init__(self) -> None:
        self._x = XDisplay(DISPLAY)
        self._x.damage_query_version()  # Without it the server refuses every other request.
        self._damage = self._x.screen().root.damage_create(damage.DamageReportDeltaRectangles)
        self._damage_event = self._x.extension_event.DamageNotify
        self._root = self._x.screen().root
        self._x.xfixes_query_version()  # This one, too.
        self._cursor_event = self._x.extension_event.DisplayCursorNotify
        self._x.xfixes_select_cursor_input(self._root, _CURSOR_CHANGES)
        self._paints = self._cursors = 0
        self._next_paint = asyncio.Event()
        self._watchers: list[Callable[[set[Rectangle]], None]] = []
        self._listeners: list[Callable[[set[Rectangle]], None]] = []
        self._x.sync()
        asyncio.get_running_loop().add_reader(self._x.fileno(), self._read)

    def count_paints(self) -> int:
        """A number that grows when something has been painted since it was asked for last."""
        self._x.sync()
        self._read()
        self._clear()
        return self._paints

    @contextmanager
    def still(self) -> Iterator[Moment]:
        """Inside the block, which must be short, the X server serves nobody else: nothing is painted."""
        self._x.grab_server()
        try:
            pointer = self._root.query_pointer()  # A round trip: all that was painted has been reported.
            self._read()
            self._clear()
            yield Moment(self._paints, self._cursors, (pointer.root_x, pointer.root_y))
        finally:
            self._x.ungrab_server()
            self._x.flush()

    def listen(self, listener: Callable[[set[Rectangle]], None]) -> None:
        """Tell of what is painted from now on. At the beginning of a `still` all of it has been told."""
        self._listeners.append(listener)

    async def painted(self, before: int) -> None:
        """Wait until something has been painted since `count_paints` gave this number. The caller sets
        the deadline."""
        while self._paints == before:
            self._clear()
            await self._next_paint.wait()

    async def quiet(self, quiet_s: float) -> None:
        """Wait until nothing new has been painted for so long. The caller sets the deadline."""
        quiet = Quiet(quiet_s)
        with self.telling(quiet.painted):
            await quiet.over()

    @contextmanager
    def telling(self, watcher: Callable[[set[Rectangle]], None]) -> Iterator[None]:
        """Inside the block, tell of everything as it is painted."""
        self._watchers.append(watcher)
        try:
            self._clear()
            yield
        finally:
            self._watchers.remove(watcher)

    def _clear(self) -> None:
        self._x.damage_subtract(self._damage)
        self._x.flush()

    def _read(self) -> None:
        painted: set[Rectangle] = set()
        while self._x.pending_events():
            event = self._x.next_event()
            if event.type == self._damage_event:
                painted.add(_rect(event.area))
            elif (event.type, getattr(event, "sub_code", None)) == self._cursor_event:
                self._cursors += 1
        if painted:
            self._note(painted)

    def _note(self, painted: set[Rectangle]) -> None:
        self._paints += 1
        self._next_paint.set()
        self._next_paint = asyncio.Event()
        for listener in self._listeners:
            listener(painted)
        for watcher in self._watchers:
            watcher(painted)
        if self._watchers:
            self._clear()


def _rect(area: Any) -> Rectangle:
    return (area.x, area.y, area.width, area.height)
