"""Starting desktops, keeping their connections, and ending them: what a host and its pool share."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import anyio
from anyio.abc import TaskGroup, TaskStatus

from sandboxes.admission import Admission, Need, OnWait, nobody
from sandboxes.backend import Backend
from sandboxes.claims import Claims
from sandboxes.connection import Connection
from sandboxes.deadline import deadline
from sandboxes.egress.proxy import OnConnection, egress
from sandboxes.egress.rules import Rules
from sandboxes.errors import BackendUnavailable, DeskswarmError, DesktopLost, DesktopStartError, InputError
from sandboxes.lease import Lease
from sandboxes.opening import open_programs
from sandboxes.owner import Owner
from sandboxes.pool import HOLDER, WARM_LABELS, Kind, with_time_to_wait
from sandboxes.spec import DesktopSpec, new_desktop_id

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
_LOG_LINES = 30

Create = Callable[[str, DesktopSpec, Owner, dict[str, str]], Awaitable[None]]
"""A way to a desktop other than `Backend.create`: a copy of one, or one in a saved state."""


@dataclass(frozen=True, slots=True)
class Order:
    """A desktop that was asked for. `on_connection` is told of its connections to the network, which wait
    while there is nobody to tell; `parent` is the snapshot it is made from; `outlive_s` is how long it may
    outlive this process."""

    backend: Backend
    spec: DesktopSpec
    labels: Mapping[str, str] = field(default_factory=dict)
    on_connection: OnConnection | None = None
    parent: str | None = None
    outlive_s: float = 0

    @property
    def need(self) -> Need:
        return Need.of(self.backend.name, self.spec, local=self.backend.capabilities.local)


class Starter:
    """`orders` has every desktop that this process started and has not ended."""

    def __init__(self, tasks: TaskGroup, admission: Admission, claims: Claims) -> None:
        self.orders: dict[str, Order] = {}
        self._tasks = tasks
        self._admission = admission
        self._claims = claims
        self._held: dict[anyio.Event, str] = {}
        self._asked_for = 0

    async def start(
        self,
        order: Order,
        lease: Lease,
        create: Create | None,
        timeout: float,
        on_wait: OnWait = nobody,
        patience_s: float = math.inf,
    ) -> Connection:
        """Wait for room, make the desktop, and connect to it; failed or cancelled, it leaves nothing behind.

        Without `create`, it is a fresh one, on which the programs of its spec are opened. `timeout` counts
        from when the boot begins until it is connected to. Raises what the backend does, and HostFull, also
        where there was no room within `patience_s`.
        """
        make = create or order.backend.create
        desktop_id = lease.desktop_id
        async with (
            self._admission.starting(desktop_id, order.need, on_wait, patience_s),
            self._ended_on_failure(order, desktop_id),
        ):
            with deadline(f"start of desktop {desktop_id}", timeout):
                await make(desktop_id, order.spec, Owner.current(), dict(order.labels))
                if order.outlive_s:
                    self._claim(desktop_id, order)
                connection = await self.connect(lease)
            if create is None and not order.backend.capabilities.opens:
                await open_programs(connection, order.spec.open)
            return connection

    async def adopt(self, order: Order, lease: Lease, timeout: float) -> Connection:
        """Take over a desktop that runs, whose owner has died. Where that fails, it is ended."""
        desktop_id = lease.desktop_id
        async with self._ended_on_failure(order, desktop_id):
            self._claim(desktop_id, order)
            self._admission.enter(desktop_id, order.need)
            with deadline(f"taking desktop {desktop_id} over", timeout):
                return await self.connect(lease)

    async def connect(self, lease: Lease, on_connection: OnConnection | None = None) -> Connection:
        """A connection under this lease, held by a task of the host until it closes. Raises DesktopLost.

        From now on `on_connection` is told, where it is given, and not who was before.
        """
        order = self.orders.get(lease.desktop_id)
        if order is None:
            raise DesktopLost(f"desktop {lease.desktop_id} was stopped")
        if on_connection is not None:
            order = self.orders[lease.desktop_id] = replace(order, on_connection=on_connection)
        connection: Connection = await self._tasks.start(self._hold, order, lease)
        return connection

    async def stop(self, backend: Backend, desktop_id: str) -> None:
        """End a desktop and all this process keeps of it. Harmless where there is none."""
        await backend.stop(desktop_id)
        self.orders.pop(desktop_id, None)
        self._claims.remove(desktop_id)
        self._admission.leave(desktop_id)
        await self._let_go(desktop_id)

    @contextmanager
    def asked_for(self) -> Iterator[None]:
        """While someone waits for a desktop, from before it is in the line: none is booted for nobody."""
        self._asked_for += 1
        try:
            yield
        finally:
            self._asked_for -= 1

    def has_spare(self, kind: Kind) -> bool:
        return not self._asked_for and self._admission.has_spare(Order(kind.backend, kind.spec).need)

    async def boot_warm(self, kind: Kind) -> Connection:
        """A desktop under a lease of the pool's; it does not count against its holder's time.

        It is greeted again for practice: what an emulated machine does first takes twice as long.
        """
        order = Order(kind.backend, with_time_to_wait(kind.spec), WARM_LABELS)
        lease = Lease(new_desktop_id(), HOLDER)
        connection = await self.start(order, lease, None, START_TIMEOUT_S)
        async with self._ended_on_failure(order, lease.desktop_id):
            await connection.pass_to(lease)
        return connection

    def leased(self, desktop_id: str, order: Order) -> None:
        """A warm desktop is now what this order asked for."""
        self._claim(desktop_id, order)
        self.orders[desktop_id] = order

    async def discard(self, desktop_id: str) -> None:
        """End a desktop of ours, also where we are cancelled. Raises InfraError, DeadlineExceeded."""
        order = self.orders.get(desktop_id)
        if order is not None:
            with anyio.CancelScope(shield=True), deadline(f"end of desktop {desktop_id}", STOP_TIMEOUT_S):
                await self.stop(order.backend, desktop_id)

    def renew_claims(self) -> None:
        """Say that the owner of those that would outlive it lives."""
        self._claims.renew([id_ for id_, order in self.orders.items() if order.outlive_s])

    def _claim(self, desktop_id: str, order: Order) -> None:
        self._claims.write(desktop_id, order.spec, dict(order.labels), order.outlive_s)

    @asynccontextmanager
    async def _ended_on_failure(self, order: Order, desktop_id: str) -> AsyncIterator[None]:
        self.orders[desktop_id] = order
        try:
            yield
        except (InputError, BackendUnavailable):
            await self.discard(desktop_id)
            raise
        except DeskswarmError as error:
            log = (await order.backend.log(desktop_id)).splitlines()[-_LOG_LINES:]
            await self.discard(desktop_id)
            raise DesktopStartError("\n".join([str(error), *log])) from error
        except BaseException:
            await self.discard(desktop_id)
            raise

    async def _hold(self, order: Order, lease: Lease, *, task_status: TaskStatus[Connection]) -> None:
        stream = await order.backend.connect(lease.desktop_id)
        over = anyio.Event()
        self._held[over] = lease.desktop_id
        try:
            async with Connection(stream, lease) as connection, _network(connection, order):
                task_status.started(connection)
                await connection.wait_closed()
        finally:
            del self._held[over]
            over.set()

    async def _let_go(self, desktop_id: str) -> None:
        """Until this host has nothing to do with it any more: its last connection has been told of."""
        for over in [over for over, held in self._held.items() if held == desktop_id]:
            await over.wait()


def _network(connection: Connection, order: Order) -> AbstractAsyncContextManager[None]:
    if order.spec.network == "none" or order.on_connection is None:
        return nullcontext()
    return egress(connection, Rules.of(order.spec.network.allow), order.on_connection)
