"""A place at which OSWorld's client finds a desktop: one address, and one desktop at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio
from anyio.abc import TaskStatus

from runner.osworld.endpoint import Answer, as_json
from runner.osworld.guest import Guest, furnish
from runner.osworld.server import LOOPBACK, Server
from runner.osworld.spec import desktop_of
from sandboxes.desktop import Desktop
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

HOLDER = "osworld"
DEVTOOLS_PORT = 9222
VLC_PORT = 8080
NO_VNC = 0


class Ports(NamedTuple):
    """Where on this machine's loopback a seat's desktop is found."""

    server: int
    chromium: int
    vlc: int

    def __str__(self) -> str:
        """As OSWorld's providers tell it: ip:server:chromium:vnc:vlc. There is no noVNC: 0."""
        return f"{LOOPBACK}:{self.server}:{self.chromium}:{NO_VNC}:{self.vlc}"


def spec_of(host: Host, backend: str, image: str) -> DesktopSpec:
    """A desktop as OSWorld's tasks expect it: `sudo` works where the backend can give that."""
    return desktop_of(host.backends.get(backend).capabilities.root, image)


@asynccontextmanager
async def lend(desktop: Desktop, token: str) -> AsyncIterator[Ports]:
    """An address for a desktop that is held elsewhere, for as long as the block lasts."""
    guest = Guest(desktop)
    async with Server(token, lambda: guest).listening() as server, _furnished(desktop) as (chromium, vlc):
        yield Ports(server, chromium, vlc)


@asynccontextmanager
async def _furnished(desktop: Desktop) -> AsyncIterator[tuple[int, int]]:
    """The ports at which its Chromium and its VLC are found."""
    async with desktop.tunnel(DEVTOOLS_PORT) as chromium, desktop.tunnel(VLC_PORT) as vlc:
        await furnish(desktop)
        yield chromium.port, vlc.port


class Seat:
    def __init__(self, host: Host, spec: DesktopSpec, backend: str, token: str | None) -> None:
        self._host = host
        self._spec = spec
        self._backend = backend
        self._server = Server(token, lambda: self._guest, self._renew)
        self._guest: Guest | None = None
        self._turn = anyio.Lock()

    async def serve(self, *, task_status: TaskStatus[Ports] = anyio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled. Reports its ports once a desktop stands; raises as `Host.start`."""
        async with self._server.listening() as self._port, anyio.create_task_group() as self._tasks:
            await self._sit_down()
            task_status.started(self._ports)
            await anyio.sleep_forever()

    async def _renew(self) -> Answer:
        """Another desktop, fresh; the old one is gone before it is started. Its ports but one are new."""
        async with self._turn:
            if self._guest is not None:
                self._leave.set()
                await self._left.wait()
            await self._sit_down()
            return as_json({"address": str(self._ports)})

    async def _sit_down(self) -> None:
        self._leave, self._left = anyio.Event(), anyio.Event()
        await self._tasks.start(self._hold)

    async def _hold(self, *, task_status: TaskStatus[None]) -> None:
        """One desktop's time at this seat."""
        desktop = await self._host.start(
            self._spec, holder=HOLDER, backend=self._backend, labels={"seat": str(self._port)}
        )
        try:
            async with desktop, _furnished(desktop) as (chromium, vlc):
                self._ports = Ports(self._port, chromium, vlc)
                self._guest = Guest(desktop)
                task_status.started()
                await self._leave.wait()
                self._guest = None
        finally:
            self._left.set()
