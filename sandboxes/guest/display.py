"""The connection to the X display, owned by the event loop: requests are short, events are handed out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from Xlib import X, error
from Xlib.display import Display as XDisplay
from Xlib.protocol import event

from .paths import DISPLAY

Listener = Callable[[Any], None]
_MAX_PROPERTY_WORDS = 1 << 16
_FIRST_ANSWER_S = 1.0


class Display:
    """One X connection. Every method but the waits returns within a round trip."""

    def __init__(self) -> None:
        self.x = XDisplay(DISPLAY)
        self.x.set_error_handler(_ignore_late_error)
        self.root = self.x.screen().root
        self.width = int(self.x.screen().width_in_pixels)
        self.height = int(self.x.screen().height_in_pixels)
        self._listeners: list[Listener] = [self._note_answer]
        self._ping = self.atom("_NET_WM_PING")
        self._pings = itertools.count(1)
        self._answers: dict[int, bool] = {}
        self._probe = self.root.create_window(0, 0, 1, 1, 0, 0, X.InputOnly, event_mask=X.PropertyChangeMask)
        self._loop = asyncio.get_running_loop()
        self.root.change_attributes(event_mask=X.SubstructureNotifyMask | X.PropertyChangeMask)
        self.x.flush()
        self._loop.add_reader(self.x.fileno(), self.hand_out_events)

    def hand_out_events(self) -> None:
        """Give every event that has arrived to the listeners."""
        while self.x.pending_events():
            arrived = self.x.next_event()
            for listener in tuple(self._listeners):
                listener(arrived)

    def sync(self) -> None:
        """A round trip: the server has carried out all that was asked."""
        self.x.sync()
        self._hand_out_soon()

    def _hand_out_soon(self) -> None:
        """Events that a round trip read along with its reply make no descriptor readable."""
        self._loop.call_soon(self.hand_out_events)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Hand events to `listener` inside the block."""
        self.listen(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def listen(self, listener: Listener) -> None:
        """Hand events to `listener` from now on."""
        self._listeners.append(listener)

    def atom(self, name: str) -> int:
        return int(self.x.intern_atom(name))

    def window(self, window_id: int) -> Any:
        return self.x.create_resource_object("window", window_id)

    def property(self, window: Any, name: str) -> Any:
        """A window's property (numbers, or bytes for text), or None where it has none or is gone."""
        try:
            found = window.get_property(self.atom(name), X.AnyPropertyType, 0, _MAX_PROPERTY_WORDS)
        except error.XError:
            return None
        return found.value if found is not None else None

    def pointer(self) -> tuple[int, int]:
        """Where the pointer is."""
        where = self.root.query_pointer()
        return int(where.root_x), int(where.root_y)

    def send_to_root(self, window: Any, message: str, data: tuple[int, ...]) -> None:
        """Ask the window manager something about a window, by an EWMH client message."""
        padded = (*data, 0, 0, 0, 0, 0)[:5]
        notice = event.ClientMessage(window=window, client_type=self.atom(message), data=(32, padded))
        self.root.send_event(notice, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self.sync()

    def active_window(self) -> int | None:
        value = self.property(self.root, "_NET_ACTIVE_WINDOW")
        return int(value[0]) if value is not None and len(value) and value[0] else None

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, looking again after each event. The caller sets the deadline."""
        changed = asyncio.Event()
        with self.listening(lambda _: changed.set()):
            while not condition():
                self._hand_out_soon()
                await changed.wait()
                changed.clear()

    async def manager_caught_up(self, timeout_s: float) -> None:
        """Wait until the window manager has handled all input sent so far.

        It sees a click on a window first and passes it on; keys go to the application at once, and
        overtake a click that is still with the manager.
        """
        extents, answered = self.atom("_NET_FRAME_EXTENTS"), asyncio.Event()

        def listener(arrived: Any) -> None:
            if arrived.type == X.PropertyNotify and arrived.window == self._probe and arrived.atom == extents:
                answered.set()

        with self.listening(listener), anyio.move_on_after(timeout_s):
            self.send_to_root(self._probe, "_NET_REQUEST_FRAME_EXTENTS", ())
            await answered.wait()

    async def ping(self, window_id: int, timeout_s: float) -> bool:
        """Whether the window's application answered in time, and so has read all events sent before.

        Some say that they answer and never do, as Qt's: one that has never answered is not waited for
        again until it has.
        """
        protocols = self.property(self.window(window_id), "WM_PROTOCOLS")
        if protocols is None or self._ping not in protocols:
            return False
        serial, answered = next(self._pings), asyncio.Event()

        def listener(arrived: Any) -> None:
            if arrived.type == X.ClientMessage and list(arrived.data[1][:2]) == [self._ping, serial]:
                answered.set()

        with self.listening(listener), anyio.move_on_after(self._patience(window_id, timeout_s)):
            self._send_ping(window_id, serial)
            await answered.wait()
        self._answers.setdefault(window_id, answered.is_set())
        return answered.is_set()

    def _patience(self, window_id: int, timeout_s: float) -> float:
        answers = self._answers.get(window_id)
        return timeout_s if answers else 0 if answers is False else min(timeout_s, _FIRST_ANSWER_S)

    def _note_answer(self, arrived: Any) -> None:
        if arrived.type == X.ClientMessage and arrived.data[1][0] == self._ping:
            self._answers[int(arrived.data[1][2])] = True

    def _send_ping(self, window_id: int, serial: int) -> None:
        data = (32, (self._ping, serial, window_id, 0, 0))
        window = self.window(window_id)
        window.send_event(
            event.ClientMessage(window=window, client_type=self.atom("WM_PROTOCOLS"), data=data)
        )
        self.sync()


def _ignore_late_error(*_: object) -> None:
    """A request without a reply failed: its window went away in the meantime, which is nobody's fault."""
