"""What is painted on the screen and when, from XDAMAGE events: no polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import anyio
from Xlib.display import Display as XDisplay
from Xlib.ext import damage

from .display import Display
from .paths import DISPLAY
from .protocol import Settle, SettleReply

Rectangle = tuple[int, int, int, int]
"""x, y, width, height."""

_REPEATS = 3
_CURSOR_CHANGES = 1


class Moment(NamedTuple):
    """Between two that are equal nothing on the screen has changed, nor the pointer."""

    paints: int
    cursors: int
    pointer: tuple[int, int]


@dataclass(slots=True)
class _Painted:
    """One rectangle's history during one wait."""

    times: int
    first: float
    last: float


class PaintWatch:
    """Counts paints and waits for quiet.

    It has a connection of its own: the damage events of a busy screen must not hold up a round trip.
    The server reports an area once and then not again until the damage is cleared, which happens only
    while somebody waits or looks; a playing video that nobody watches costs nothing.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._x = XDisplay(DISPLAY)
        self._loop = asyncio.get_running_loop()
        self._x.damage_query_version()  # Without it the server refuses every other request.
        self._damage = self._x.screen().root.damage_create(damage.DamageReportDeltaRectangles)
        self._damage_event = self._x.extension_event.DamageNotify
        self._root = self._x.screen().root
        self._x.xfixes_query_version()  # This one, too.
        self._cursor_event = self._x.extension_event.DisplayCursorNotify
        self._x.xfixes_select_cursor_input(self._root, _CURSOR_CHANGES)
        self._paints = self._cursors = 0
        self._next_paint = asyncio.Event()
        self._waits: list[_Quiet] = []
        self._listeners: list[Callable[[set[Rectangle]], None]] = []
        self._x.sync()
        self._loop.add_reader(self._x.fileno(), self._read)

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

    async def settle(self, args: Settle) -> SettleReply:
        """Wait until nothing new has been painted for `quiet_s`; what keeps repainting does not count."""
        started = self._loop.time()
        with anyio.move_on_after(args.timeout_s) as scope:
            await self._input_consumed(args.timeout_s)
            await self.quiet(args.quiet_s)
        return SettleReply(settled=not scope.cancelled_caught, waited_s=self._loop.time() - started)

    async def _input_consumed(self, timeout_s: float) -> None:
        """The active application has read the input sent to it. One too busy to say so has not settled."""
        window = self._display.active_window()
        if window is not None:
            await self._display.ping(window, timeout_s)

    async def quiet(self, quiet_s: float) -> None:
        """Wait until nothing new has been painted for so long. The caller sets the deadline."""
        wait = _Quiet(quiet_s, self._loop.time())
        self._waits.append(wait)
        try:
            self._clear()
            while True:
                left = wait.due() - self._loop.time()
                if left <= 0:
                    return
                await anyio.sleep(left)  # Not a poll: the time until the quiet is complete, if it lasts.
        finally:
            self._waits.remove(wait)

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
        now = self._loop.time()
        for listener in self._listeners:
            listener(painted)
        for wait in self._waits:
            wait.note(painted, now)
        if self._waits:
            self._clear()


class _Quiet:
    """One wait for quiet. A rectangle painted again and again over twice the quiet time, such as a clock,
    a caret or a video, is taken for one that will never rest."""

    def __init__(self, quiet_s: float, now: float) -> None:
        self._quiet_s = quiet_s
        self._started = now
        self._painted: dict[Rectangle, _Painted] = {}

    def note(self, rects: set[Rectangle], now: float) -> None:
        for rect in rects:
            history = self._painted.setdefault(rect, _Painted(0, now, now))
            history.times += 1
            history.last = now

    def due(self) -> float:
        """When the quiet is complete, if nothing new is painted until then."""
        counted = (painted.last for painted in self._painted.values() if not self._restless(painted))
        return max(counted, default=self._started) + self._quiet_s

    def _restless(self, painted: _Painted) -> bool:
        return painted.times >= _REPEATS and painted.last - painted.first >= 2 * self._quiet_s


def _rect(area: Any) -> Rectangle:
    return (area.x, area.y, area.width, area.height)
