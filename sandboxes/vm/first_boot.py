"""Waiting until a machine that boots is a desktop that has nothing more to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
from anyio.abc import ByteStream

from sandboxes.connection import Connection
from sandboxes.deadline import Pace, deadline
from sandboxes.errors import DesktopStartError
from sandboxes.guest.protocol import Exec, ExecReply, Observe, ObserveReply, Settle, SettleReply
from sandboxes.lease import Lease
from sandboxes.opening import open_programs
from sandboxes.vm.domain import CONSOLE

_BOOT_SECONDS = 600
_TTL_SECONDS = 600
_REQUEST_SECONDS = 120
_READY = b"] ready\n"
_FAILED = b"] failed: "


async def wait_until_up(folder: Path) -> None:
    """Raises DesktopStartError where it fails, DeadlineExceeded."""
    pace = Pace()
    with deadline("the boot of the template's machine", _BOOT_SECONDS):
        while True:
            said = await anyio.to_thread.run_sync(_said, folder / CONSOLE)
            if _READY in said:
                return
            if _FAILED in said:
                raise DesktopStartError(
                    f"the template's desktop failed: {said[-2000:].decode(errors='replace')}"
                )
            await pace.wait()


async def rehearse(stream: ByteStream, desktop_id: str, programs: Sequence[Sequence[str]]) -> None:
    """Use each part once, so that no copy has to load it, open the programs that every copy is to have, and
    let the desktop come to rest."""
    lease = Lease(desktop_id, "template", ttl_s=_TTL_SECONDS)
    async with Connection(stream, lease) as connection:
        for _ in range(2):
            await connection.request("observe", Observe(), ObserveReply, timeout=_REQUEST_SECONDS)
            await connection.request("exec", Exec(argv=("sync",)), ExecReply, timeout=_REQUEST_SECONDS)
        await open_programs(connection, programs)
        quiet = Settle(quiet_s=1, timeout_s=30)
        await connection.request("settle", quiet, SettleReply, timeout=_REQUEST_SECONDS)


def _said(console: Path) -> bytes:
    """The console ends its lines as terminals do."""
    return console.read_bytes().replace(b"\r\n", b"\n") if console.exists() else b""
