"""One machine's desktops: starts them on a backend, holds them, and ends them all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Self

import anyio

from sandboxes.admission import Admission, HostLimits, OnWait, nobody
from sandboxes.backend import Backend, DesktopRecord, Forking
from sandboxes.backends import Backends, check_capabilities, check_outlives, memory_of, snapshotting
from sandboxes.claims import RENEW_S, Claims
from sandboxes.connection import Connection
from sandboxes.deadline import deadline
from sandboxes.desktop import Desktop
from sandboxes.egress.proxy import OnConnection, ignore
from sandboxes.errors import DeskswarmError, DesktopLost, InputError
from sandboxes.home import find_home, images_folder, snapshots_folder
from sandboxes.image import ImageStore
from sandboxes.lease import Lease
from sandboxes.owner import Owner
from sandboxes.pool import Kind, Pool
from sandboxes.reaper import reap, start_reaper
from sandboxes.snapshot import Origin, Snapshot, SnapshotStore, check_fits
from sandboxes.spec import DesktopSpec, new_desktop_id
from sandboxes.starter import START_TIMEOUT_S, STOP_TIMEOUT_S, Create, Order, Starter

__all__ = ["DEFAULT_BACKEND", "START_TIMEOUT_S", "STOP_TIMEOUT_S", "Host"]

DEFAULT_BACKEND = "bubblewrap"
_MEASURE_EVERY_S = 5.0
_ROOM_FOR_A_COPY_S = 30.0
ADOPT_TIMEOUT_S = 60.0


class Host:
    """One machine's backends and the desktops that this process started on them.

    Leaving the block ends all of these. Should the process die instead, its reaper ends them.
    """

    def __init__(
        self,
        home: Path | None = None,
        limits: HostLimits | None = None,
        backends: Mapping[str, Backend] | None = None,
    ) -> None:
        """`home` holds all state; by default the one `find_home` tells. `limits` are by default what the
        environment says. `backends`, by name, take the place of the installed ones. Raises InputError."""
        self.home = home or find_home()
        self.snapshots = SnapshotStore(snapshots_folder(self.home))
        self.backends = Backends(self.home, backends)
        self._claims = Claims(self.home)
        self._tasks = anyio.create_task_group()
        self._background = anyio.create_task_group()
        self._admission = Admission(self.home, limits or HostLimits.from_environment(), self._give_up_warm)
        self._starter = Starter(self._tasks, self._admission, self._claims)
        self._pool = Pool(self._starter)
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
        await self._background.__aenter__()
        self._background.start_soon(self._pool.run)
        self._background.start_soon(self._measure)
        self._background.start_soon(self._renew_claims)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises DesktopLost, and leaves the rest to the reaper, where a desktop could not be ended."""
        try:
            self._background.cancel_scope.cancel()
            await self._background.__aexit__(None, None, None)
            await self._stop_all()
        finally:
            self._tasks.cancel_scope.cancel()
            await self._tasks.__aexit__(None, None, None)
        self._end_reaper()

    # --- making desktops ----------------------------------------------------------------------------

    async def start(
        self,
        spec: DesktopSpec,
        *,
        holder: str,
        backend: str = DEFAULT_BACKEND,
        labels: Mapping[str, str] | None = None,
        on_connection: OnConnection = ignore,
        on_wait: OnWait = nobody,
        outlive_s: float = 0,
        timeout: float = START_TIMEOUT_S,
    ) -> Desktop:
        """A fresh desktop, ready to use and leased to `holder`: a warm one where there is one.

        `on_connection` is told of each connection that its programs asked the network for, once it is over;
        `on_wait`, where the machine has no room for it yet, of its place in the line. Should this process
        die, the desktop lives on for `outlive_s` (at most 3500), for another to `adopt`. `timeout` (seconds)
        counts from when the boot begins. Failed or cancelled, it leaves nothing behind. Raises
        InputError for what the backend cannot fulfil, ImageNotFound, BackendUnavailable, HostFull, and
        DesktopStartError with the end of the desktop's log.
        """
        chosen = self.backends.get(backend)
        check_outlives(chosen, outlive_s)
        order = Order(chosen, spec, dict(labels or {}), on_connection, outlive_s=outlive_s)
        warm = await self._lease_warm(order, holder)
        if warm is not None:
            return warm
        with self._starter.asked_for():
            await self.prepare(spec, backend=backend)
            return await self._start(order, None, holder, timeout, on_wait)

    async def prepare(self, spec: DesktopSpec, *, backend: str = DEFAULT_BACKEND) -> None:
        """Refuse what the backend cannot give, and make ready what its desktops share, before any is started.

        Raises InputError for a spec the backend cannot fulfil, ImageNotFound, BackendUnavailable.
        """
        chosen = self.backends.get(backend)
        check_capabilities(chosen, spec)
        await chosen.prepare(spec)

    def warm(self, spec: DesktopSpec, count: int, *, backend: str = DEFAULT_BACKEND) -> None:
        """From now on keep so many desktops of a prepared spec booted, as far as the machine has room.

        Raises InputError for a spec with a network: its programs must not use it before they have a holder.
        """
        if spec.network != "none":
            raise InputError("desktop.network: only desktops without a network can be kept warm")
        self._pool.want(Kind(self.backends.get(backend), spec), count)

    def warm_ready(self, spec: DesktopSpec, *, backend: str = DEFAULT_BACKEND) -> int:
        """How many desktops of a spec can be leased at once."""
        return self._pool.ready(Kind(self.backends.get(backend), spec))

    async def restore(
        self,
        snapshot: str,
        *,
        holder: str,
        labels: Mapping[str, str] | None = None,
        on_connection: OnConnection = ignore,
        on_wait: OnWait = nobody,
        timeout: float = START_TIMEOUT_S,
    ) -> Desktop:
        """A new desktop in the state of a snapshot, named by its label or the beginning of its id.

        What the snapshot holds is there again; what it does not hold, as running programs for a `home`, is
        not. Raises SnapshotError where there is none or it does not fit this machine, and what `start` does.
        """
        found = self.snapshots.find(snapshot)
        backend = self.backends.get(found.origin.backend)
        await self.prepare(found.origin.spec, backend=backend.name)
        check_fits(found, self._origin(backend, found.origin.spec))
        order = Order(backend, found.origin.spec, dict(labels or {}), on_connection, found.id)
        folder = await anyio.to_thread.run_sync(self.snapshots.files, found)
        create = partial(snapshotting(backend).create_from, folder=folder)
        return await self._start(order, create, holder, timeout, on_wait)

    async def fork(
        self,
        desktop_id: str,
        *,
        holder: str,
        on_wait: OnWait = nobody,
        timeout: float = START_TIMEOUT_S,
    ) -> Desktop:
        """A copy of a desktop of this host, leased to `holder`; both go on.

        Programs run on in the copy where the backend can copy live; elsewhere it holds what a snapshot does.
        It does not wait for room for ever, as what keeps the room may be its source. Raises DesktopLost,
        InputError where the backend can do neither, HostFull, and what `start` does.
        """
        order = self._order(desktop_id)
        if isinstance(order.backend, Forking) and order.backend.capabilities.live_fork:
            create = _forked(order.backend, desktop_id)
            return await self._start(order, create, holder, timeout, on_wait, _ROOM_FOR_A_COPY_S)
        backend = snapshotting(order.backend)
        with self.snapshots.draft() as folder:
            await backend.save(desktop_id, folder)
            create = partial(backend.create_from, folder=folder)
            return await self._start(order, create, holder, timeout, on_wait, _ROOM_FOR_A_COPY_S)

    async def snapshot(self, desktop_id: str, label: str = "") -> Snapshot:
        """Save the state of a desktop of this host, which goes on. Raises DesktopLost, SnapshotError, and
        InputError where the backend cannot."""
        order = self._order(desktop_id)
        origin = self._origin(order.backend, order.spec)
        with self.snapshots.draft() as folder:
            await snapshotting(order.backend).save(desktop_id, folder)
            return await anyio.to_thread.run_sync(self.snapshots.add, folder, origin, label, order.parent)

    async def adopt(
        self, desktop_id: str, *, holder: str, epoch: int, timeout: float = ADOPT_TIMEOUT_S
    ) -> Desktop:
        """A desktop that outlived its controller, now this host's, as it is, and leased to `holder`.

        `epoch` must be above that of every lease before, which it fences off. Programs that ask for the
        network wait until the desktop is handed over to somebody who is told of it. Raises InputError for a
        desktop that has an owner, DesktopLost for one that is gone, and DesktopStartError where it cannot be
        taken over, and is ended.
        """
        claim, backend = self._claims.read(desktop_id), await self._find(desktop_id)
        if claim is None or backend is None or claim.is_over:
            raise DesktopLost(f"desktop {desktop_id} is gone, or was not to outlive its controller")
        if claim.owner.is_alive():
            raise InputError(f"desktop {desktop_id} is that of process {claim.owner.pid}, which lives")
        order = Order(backend, claim.spec, claim.labels, outlive_s=claim.outlive_s)
        lease = Lease(desktop_id, holder, epoch, outlive_s=claim.outlive_s)
        return Desktop(claim.spec, await self._starter.adopt(order, lease, timeout), self)

    async def connect(self, lease: Lease, on_connection: OnConnection | None = None) -> Connection:
        """A connection to a desktop of this host under its next lease; `on_connection`, where it is given, is
        told of the desktop's own in place of who was before. Raises DesktopLost."""
        return await self._starter.connect(lease, on_connection)

    # --- all desktops -------------------------------------------------------------------------------

    async def stop(self, desktop_id: str) -> None:
        """End a desktop, whoever started it, and remove every trace of it. Harmless where there is none."""
        backend = await self._find(desktop_id)
        if backend is not None:
            await self._starter.stop(backend, desktop_id)

    async def desktops(self) -> list[DesktopRecord]:
        """All desktops under this home, whoever started them."""
        records = await self.backends.desktops()
        return [self._claims.present(record) for record in records]

    async def log(self, desktop_id: str) -> str:
        """The end of what a desktop's own processes wrote, at most 64 KiB; '' where there is none."""
        backend = await self._find(desktop_id)
        return await backend.log(desktop_id) if backend else ""

    async def reap(self) -> list[str]:
        """Remove what dead controllers left behind; the ids of what was removed."""
        return (await reap(self.home)).removed

    async def _start(
        self,
        order: Order,
        create: Create | None,
        holder: str,
        timeout: float,
        on_wait: OnWait,
        patience_s: float = math.inf,
    ) -> Desktop:
        lease = Lease(new_desktop_id(), holder, outlive_s=order.outlive_s)
        connection = await self._starter.start(order, lease, create, timeout, on_wait, patience_s)
        return Desktop(order.spec, connection, self)

    async def _lease_warm(self, order: Order, holder: str) -> Desktop | None:
        connection = await self._pool.lease(Kind(order.backend, order.spec), holder, order.outlive_s)
        if connection is None:
            return None
        self._starter.leased(connection.lease.desktop_id, order)
        return Desktop(order.spec, connection, self)

    async def _give_up_warm(self) -> bool:
        return await self._pool.give_up_one()

    async def _measure(self) -> None:
        """Learn what desktops really use, while there are any. Until cancelled."""
        while True:
            await anyio.sleep(_MEASURE_EVERY_S)
            for backend in {order.backend for order in self._starter.orders.values()}:
                self._admission.measured(await memory_of(backend, self._ids_on(backend)))

    async def _renew_claims(self) -> None:
        """Until cancelled, or dead."""
        while True:
            await anyio.sleep(RENEW_S)
            self._starter.renew_claims()

    def _ids_on(self, backend: Backend) -> list[str]:
        return [id_ for id_, order in self._starter.orders.items() if order.backend is backend]

    def _origin(self, backend: Backend, spec: DesktopSpec) -> Origin:
        """What a snapshot made here and now fits. Raises ImageNotFound, InputError."""
        key = ImageStore(images_folder(self.home)).find(spec.image).key
        versions = snapshotting(backend).versions()
        kind = backend.capabilities.snapshots
        return Origin(backend=backend.name, kind=kind, image_key=key, versions=versions, spec=spec)

    def _order(self, desktop_id: str) -> Order:
        if desktop_id not in self._starter.orders:
            raise DesktopLost(f"desktop {desktop_id} is not one of this host, or was stopped")
        return self._starter.orders[desktop_id]

    async def _stop_all(self) -> None:
        failures: list[str] = []

        async def stop(desktop_id: str) -> None:
            try:
                await self.stop(desktop_id)
            except DeskswarmError as error:
                failures.append(str(error))

        with anyio.CancelScope(shield=True), deadline("end of all desktops", STOP_TIMEOUT_S):
            async with anyio.create_task_group() as tasks:
                for desktop_id in list(self._starter.orders):
                    tasks.start_soon(stop, desktop_id)
        if failures:
            raise DesktopLost("; ".join(failures))

    def _end_reaper(self) -> None:
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper.wait()

    async def _find(self, desktop_id: str) -> Backend | None:
        order = self._starter.orders.get(desktop_id)
        return order.backend if order else await self.backends.find(desktop_id)


def _forked(backend: Forking, source_id: str) -> Create:
    async def create(desktop_id: str, _spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        await backend.fork(source_id, desktop_id, owner, labels)

    return create
