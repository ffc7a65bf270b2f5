"""One machine's desktops: starts them on a backend, holds them, and ends them all."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskStatus

from sandboxes.backend import Backend, DesktopRecord, backend_names, load_backend
from sandboxes.connection import Connection
from sandboxes.deadline import deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import BackendUnavailable, DeskswarmError, DesktopLost, DesktopStartError, InputError
from sandboxes.home import find_home
from sandboxes.lease import Lease
from sandboxes.owner import Owner
from sandboxes.reaper import reap, start_reaper
from sandboxes.spec import DesktopSpec, new_desktop_id

DEFAULT_BACKEND = "bubblewrap"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
_LOG_LINES = 30


class Host:
    """One machine's backends and the desktops that this process started on them.

    Leaving the block ends all of these. Should the process die instead, its reaper ends them.
    """

    def __init__(self, home: Path | None = None, backends: Mapping[str, Backend] | None = None) -> None:
        """`home` holds all state; by default the one `find_home` tells. `backends`, by name, take the place
        of the installed ones. Raises InputError."""
        self.home = home or find_home()
        self._backends: dict[str, Backend] = dict(backends or {})
        self._started: dict[str, Backend] = {}
        # More boots at once than processors would only make each of them slower, and its deadline harder.
        self._boots = anyio.CapacityLimiter(max(2, os.cpu_count() or 1))
        self._tasks = anyio.create_task_group()
        self._reaper: Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        self._reaper = await anyio.to_thread.run_sync(start_reaper, self.home, Owner.current())
        try:
            await self.reap()
        except BaseException:
            self._end_reaper()
            raise
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises DesktopLost, and leaves the rest to the reaper, where a desktop could not be ended."""
        try:
            await self._stop_all()
        finally:
            self._tasks.cancel_scope.cancel()
            await self._tasks.__aexit__(None, None, None)
        self._end_reaper()

    async def start(
        self,
        spec: DesktopSpec,
        *,
        holder: str,
        backend: str = DEFAULT_BACKEND,
        labels: Mapping[str, str] | None = None,
        timeout: float = START_TIMEOUT_S,
    ) -> Desktop:
        """A fresh desktop, ready to use and leased to `holder`.

        As many boot at once as there are processors; the others wait their turn, and `timeout` (seconds)
        counts from when the boot begins. Failed or cancelled, it leaves nothing behind. Raises
        InputError for a spec the backend cannot fulfil, ImageNotFound, BackendUnavailable, and
        DesktopStartError with the end of the desktop's log.
        """
        await self.prepare(spec, backend=backend)
        chosen = self._backend(backend)
        lease = Lease(new_desktop_id(), holder)
        async with self._boots:
            connection = await self._boot(chosen, spec, lease, dict(labels or {}), timeout)
        return Desktop(
            spec,
            connection,
            on_close=partial(self.stop, lease.desktop_id),
            connect=partial(self._connect, chosen),
        )

    async def prepare(self, spec: DesktopSpec, *, backend: str = DEFAULT_BACKEND) -> None:
        """Refuse what the backend cannot give, and make ready what its desktops share, before any is started.

        Raises InputError for a spec the backend cannot fulfil, ImageNotFound, BackendUnavailable.
        """
        chosen = self._backend(backend)
        _check_capabilities(chosen, spec)
        await chosen.prepare(spec.image)

    async def stop(self, desktop_id: str) -> None:
        """End a desktop, whoever started it, and remove every trace of it. Harmless where there is none."""
        backend = await self._find(desktop_id)
        if backend is not None:
            await backend.stop(desktop_id)
            self._started.pop(desktop_id, None)

    async def desktops(self) -> list[DesktopRecord]:
        """All desktops under this home, whoever started them."""
        return [record for backend in self._usable() for record in await _desktops(backend)]

    async def log(self, desktop_id: str) -> str:
        """The end of what a desktop's own processes wrote, at most 64 KiB; '' where there is none."""
        backend = await self._find(desktop_id)
        return await backend.log(desktop_id) if backend else ""

    async def reap(self) -> list[str]:
        """Remove what dead controllers left behind; the ids of what was removed."""
        return (await reap(self.home)).removed

    async def _boot(
        self, backend: Backend, spec: DesktopSpec, lease: Lease, labels: dict[str, str], timeout: float
    ) -> Connection:
        async with self._ended_on_failure(backend, lease.desktop_id):
            with deadline(f"start of desktop {lease.desktop_id}", timeout):
                await backend.create(lease.desktop_id, spec, Owner.current(), labels)
                return await self._connect(backend, lease)

    @asynccontextmanager
    async def _ended_on_failure(self, backend: Backend, desktop_id: str) -> AsyncIterator[None]:
        self._started[desktop_id] = backend
        try:
            yield
        except (InputError, BackendUnavailable):
            await self._discard(desktop_id)
            raise
        except DeskswarmError as error:
            log = (await backend.log(desktop_id)).splitlines()[-_LOG_LINES:]
            await self._discard(desktop_id)
            raise DesktopStartError("\n".join([str(error), *log])) from error
        except BaseException:
            await self._discard(desktop_id)
            raise

    async def _discard(self, desktop_id: str) -> None:
        with anyio.CancelScope(shield=True), deadline(f"end of desktop {desktop_id}", STOP_TIMEOUT_S):
            await self.stop(desktop_id)

    async def _connect(self, backend: Backend, lease: Lease) -> Connection:
        """A connection under this lease, which a task of this host holds until it closes."""
        connection: Connection = await self._tasks.start(self._hold, backend, lease)
        return connection

    async def _hold(self, backend: Backend, lease: Lease, *, task_status: TaskStatus[Connection]) -> None:
        stream = await backend.connect(lease.desktop_id)
        async with Connection(stream, lease) as connection:
            task_status.started(connection)
            await connection.wait_closed()

    async def _stop_all(self) -> None:
        failures: list[str] = []

        async def stop(desktop_id: str) -> None:
            try:
                await self.stop(desktop_id)
            except DeskswarmError as error:
                failures.append(str(error))

        with anyio.CancelScope(shield=True), deadline("end of all desktops", STOP_TIMEOUT_S):
            async with anyio.create_task_group() as tasks:
                for desktop_id in list(self._started):
                    tasks.start_soon(stop, desktop_id)
        if failures:
            raise DesktopLost("; ".join(failures))

    def _end_reaper(self) -> None:
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper.wait()

    def _backend(self, name: str) -> Backend:
        if name not in self._backends:
            self._backends[name] = load_backend(name, self.home)
        return self._backends[name]

    def _usable(self) -> list[Backend]:
        found = []
        for name in backend_names():
            try:
                found.append(self._backend(name))
            except BackendUnavailable:  # not installed, so it has no desktops
                continue
        return found

    async def _find(self, desktop_id: str) -> Backend | None:
        if desktop_id in self._started:
            return self._started[desktop_id]
        for backend in self._usable():
            if any(record.id == desktop_id for record in await _desktops(backend)):
                return backend
        return None


async def _desktops(backend: Backend) -> list[DesktopRecord]:
    try:
        return await backend.desktops()
    except BackendUnavailable:  # its desktops, if any, ended with what they ran on
        return []


def _check_capabilities(backend: Backend, spec: DesktopSpec) -> None:
    if spec.root and not backend.capabilities.root:
        raise InputError(
            f"desktop.root: backend {backend.name!r} cannot give root; use one that can, as docker"
        )
