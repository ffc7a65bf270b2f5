"""QEMU's own monitor, through libvirt: a machine's state without its memory, out and in.

`migrate` would write the memory too, all of it: QEMU can leave out only memory that is mapped shared, and a
copy's is private. `xen-save-devices-state`, in QEMU for whoever keeps the memory himself, writes just the
rest, in the format that an incoming migration reads.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import libvirt
import libvirt_qemu

from sandboxes.errors import DesktopStartError
from sandboxes.vm.hypervisor import User

INCOMING = ("-incoming", "defer")
FORMAT = ("-global", "migration.send-configuration=off")
_NAME = "state"
_LOAD_SECONDS = 30
_PACE_S = 0.005


def save_state(domain: libvirt.virDomain, file: Path, user: User | None) -> None:
    """Write a paused machine's state, some 60 KB, to a new file, which QEMU opens. Raises libvirtError."""
    file.touch(mode=0o600)
    if user:
        user.give(file)
    _order(domain, "xen-save-devices-state", filename=str(file), live=False)


def load_state(domain: libvirt.virDomain, file: Path) -> None:
    """Give a machine that was started for it the state; it stays paused. Raises DesktopStartError."""
    try:
        with file.open("rb") as state:
            command = json.dumps({"execute": "getfd", "arguments": {"fdname": _NAME}})
            libvirt_qemu.qemuMonitorCommandWithFiles(domain, command, [state.fileno()], 0)
        _order(domain, "migrate-incoming", uri=f"fd:{_NAME}")
        deadline = time.monotonic() + _LOAD_SECONDS
        while _order(domain, "query-status")["status"] == "inmigrate":
            if time.monotonic() > deadline:
                raise DesktopStartError(f"the machine did not take its state within {_LOAD_SECONDS} s")
            time.sleep(_PACE_S)
    except libvirt.libvirtError as error:
        raise DesktopStartError(f"the machine did not take its state: {error}") from error


def _order(domain: libvirt.virDomain, command: str, **arguments: Any) -> dict[str, Any]:
    text = json.dumps({"execute": command, "arguments": arguments})
    answer = json.loads(libvirt_qemu.qemuMonitorCommand(domain, text, 0))
    if "error" in answer:
        raise libvirt.libvirtError(f"{command}: {answer['error'].get('desc')}")
    found: dict[str, Any] = answer["return"]
    return found
