"""The helper that outlives a controller and removes what it left behind.

Each `Host` starts one, in a session of its own, so that neither the controller's death nor its
terminal's signals reach it. It sleeps until the controller is dead, reaps, and ends; where desktops may
outlive the controller, once their time is over or another controller has them.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import anyio

from sandboxes.backend import backend_names, load_backend
from sandboxes.claims import Claims
from sandboxes.errors import BackendBusy, BackendUnavailable, DeadlineExceeded
from sandboxes.home import snapshots_folder
from sandboxes.owner import Owner
from sandboxes.snapshot import SnapshotStore

_QUIET_SECONDS = 4.0
_PAUSE_SECONDS = 1.0
_BUSY_SECONDS = 900.0
_LOOK_SECONDS = 5.0
_PROGRAM = "from sandboxes.reaper import main; main()"


def start_reaper(home: Path, owner: Owner) -> subprocess.Popen[bytes]:
    """Start the reaper of one controller. What it cannot do, it writes to `HOME/reaper.log`."""
    with (home / "reaper.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(home), str(owner)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until_dead(owner: Owner) -> None:
    """Sleep until a process is dead. It need not be a child of this one."""
    try:
        handle = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return
    try:
        if owner.is_alive():
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            poll.poll()
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Reaped:
    """What was removed, by id, and the backends that did not answer in time and may hold more."""

    removed: list[str]
    busy: list[str]


async def reap(home: Path) -> Reaped:
    """Remove what dead owners left behind, on every backend that works here."""
    removed: list[str] = []
    busy: list[str] = []
    for name in backend_names():
        try:
            removed += await load_backend(name, home).reap()
        except BackendBusy:
            busy.append(name)
        except BackendUnavailable:  # its desktops, if any, ended with what they ran on
            continue
    Claims(home).sweep()
    SnapshotStore(snapshots_folder(home)).sweep()
    return Reaped(removed, busy)


async def reap_until_quiet(home: Path) -> None:
    """Reap until nothing more turns up for a while: an engine may still be busy with a dead one's request.

    Raises DeadlineExceeded where a backend stays busy.
    """
    began = quiet_since = anyio.current_time()
    while anyio.current_time() - quiet_since < _QUIET_SECONDS:
        reaped = await reap(home)
        if reaped.removed or reaped.busy:
            quiet_since = anyio.current_time()
        if reaped.busy and quiet_since - began > _BUSY_SECONDS:
            raise DeadlineExceeded(f"{', '.join(reaped.busy)}: no answer in {_BUSY_SECONDS:g} s")
        await anyio.sleep(_PAUSE_SECONDS)


def wait_for_heirs(home: Path, owner: Owner) -> bool:
    """Sleep until what is left of a dead owner has had its time, or is another's. Whether any is left."""
    claims = Claims(home)
    while left_s := claims.left_s(owner):
        time.sleep(min(left_s, _LOOK_SECONDS))
    return left_s is not None


def main() -> None:
    home, owner = Path(sys.argv[1]), Owner.parse(sys.argv[2])
    wait_until_dead(owner)
    anyio.run(reap_until_quiet, home)
    while wait_for_heirs(home, owner):
        anyio.run(reap_until_quiet, home)
