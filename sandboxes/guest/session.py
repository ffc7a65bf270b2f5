"""The desktop's session: display, session bus, accessibility bus, window manager, first screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import anyio
from dbus_fast.aio import MessageBus

from .boot import Boot
from .bus import connect_bus, wait_for_owner
from .deadman import end_desktop
from .display import Display
from .failures import RequestFailed
from .log import age, log
from .paint import PaintWatch
from .paths import BUS_ADDRESS, HOME, SESSION_PROGRAM
from .processes import Processes

_PHASE_S = 300  # on a slow machine; whoever waits for the desktop has a deadline of their own
_A11Y_LAUNCHER = ("/usr/libexec/at-spi-bus-launcher", "--launch-immediately")
_A11Y_NAME = "org.a11y.Bus"
_QUIET_S, _QUIET_DEADLINE_S = 0.05, 10.0
_PANEL_S = 3.0


class Session:
    """Brings the session up, phase by phase; `wait_ready` tells when, or what is missing."""

    def __init__(self, boot: Boot, processes: Processes) -> None:
        self._boot = boot
        self._processes = processes
        self._phases: dict[str, None] = {}
        self._over = anyio.Event()
        self._failure: str | None = None
        self.environment = boot.environment
        self.proxy = boot.proxy
        self.display: Display
        self.paint: PaintWatch
        self.bus: MessageBus

    async def start(self) -> None:
        """Bring everything up. A phase that fails is told by `wait_ready`, not raised."""
        processes = self._processes
        processes.watch(self._boot.display_pid, partial(_vital_part_ended, "the display"))
        processes.watch(self._boot.bus_pid, partial(_vital_part_ended, "the session bus"))
        processes.watch(self._boot.session_pid, lambda code: log(f"{SESSION_PROGRAM} ended with {code}"))
        processes.reap()
        try:
            await self._run_phases()
            log("ready")
        except (OSError, TimeoutError) as error:
            self._failure = f"{self.pending()}: {error or 'not up in time'}"
            log(f"failed: {self._failure}")
        finally:
            self._over.set()

    async def wait_ready(self) -> None:
        """Return once the session is up. Fails with what is missing where it did not come up."""
        await self._over.wait()
        if self._failure:
            raise RequestFailed("internal", f"the desktop did not come up: {self._failure}")

    def pending(self) -> str:
        """The phases under way."""
        return ", ".join(self._phases)

    async def _run_phases(self) -> None:
        with self._phase("display and session bus"):
            await _written(self._boot.ready)
            self.display = Display()
            self.paint = PaintWatch()
        self._start(*_A11Y_LAUNCHER)
        with self._phase("window manager"):
            await self._window_manager()
        with self._phase("accessibility bus"):
            self.bus = await connect_bus(BUS_ADDRESS)
            await wait_for_owner(self.bus, _A11Y_NAME)
        with self._phase("first screen"):
            await self._first_screen()

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """One phase, under its deadline. Its name stays pending where it fails."""
        self._phases[name] = None
        with anyio.fail_after(_PHASE_S):
            yield
        del self._phases[name]
        log(f"{name} is up")

    def _start(self, *argv: str) -> None:
        process = self._processes.start(argv, self.environment, HOME)
        self._processes.watch(process.pid, lambda code: log(f"{argv[0]} ended with {code}"))

    async def _window_manager(self) -> None:
        display = self.display
        await display.wait_for(lambda: bool(display.property(display.root, "_NET_SUPPORTING_WM_CHECK")))

    async def _first_screen(self) -> None:
        """Painted and at rest: with the panel, or after a while without one in images that have none.

        A machine so slow that all before took longer is given that long once more.
        """
        with anyio.move_on_after(max(_PANEL_S, age())):
            await self.display.wait_for(self._has_panel)
        with anyio.move_on_after(_QUIET_DEADLINE_S):
            await self.paint.quiet(_QUIET_S)

    def _has_panel(self) -> bool:
        display = self.display
        dock = display.atom("_NET_WM_WINDOW_TYPE_DOCK")
        listed = display.property(display.root, "_NET_CLIENT_LIST") or ()
        kinds = (display.property(display.window(int(one)), "_NET_WM_WINDOW_TYPE") for one in listed)
        return any(dock in kind for kind in kinds if kind)


def _vital_part_ended(name: str, code: int) -> None:
    end_desktop(f"{name} ended with {code}")


async def _written(ready: int) -> None:
    """Wait until a program has written that it is ready. Raises OSError where it ended instead."""
    try:
        await anyio.wait_readable(ready)
        if not os.read(ready, 4096):
            raise OSError("ended at its start")
    finally:
        os.close(ready)
