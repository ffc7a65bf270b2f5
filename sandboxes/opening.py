"""Opening the programs that a desktop is to have on its screen before anybody holds it."""

from __future__ import annotations

from collections.abc import Sequence

from sandboxes.connection import Connection
from sandboxes.deadline import Pace, deadline
from sandboxes.guest.protocol import Launch, LaunchReply, Nothing, Settle, SettleReply, WindowsReply

_WINDOW_SECONDS = 300
_REQUEST_SECONDS = 120
_REST = Settle(quiet_s=1, timeout_s=30)


async def open_programs(connection: Connection, programs: Sequence[Sequence[str]]) -> None:
    """Start each, one after the other, and wait until it has a window; then let the desktop come to rest.

    Raises DeadlineExceeded for one that shows no window, and what its start raises.
    """
    for argv in programs:
        before = await _windows(connection)
        launch = Launch(argv=tuple(argv))
        await connection.request("launch", launch, LaunchReply, timeout=_REQUEST_SECONDS)
        pace = Pace()
        with deadline(f"a window of {argv[0]}", _WINDOW_SECONDS):
            while not await _windows(connection) - before:
                await pace.wait()
        await connection.request("settle", _REST, SettleReply, timeout=_REQUEST_SECONDS)


async def _windows(connection: Connection) -> frozenset[int]:
    reply, _ = await connection.request("windows", Nothing(), WindowsReply, timeout=_REQUEST_SECONDS)
    return frozenset(window.id for window in reply.windows)
