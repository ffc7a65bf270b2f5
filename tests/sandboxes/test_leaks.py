"""Desktops that something outside kills; the conformance suite has all the other ways in which they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import anyio
import pytest

from sandboxes.errors import DesktopLost
from sandboxes.home import run_folder
from sandboxes.host import Host
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio


async def test_a_killed_desktop_is_lost_at_once(host: Host, backend: str) -> None:
    async with await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") as desktop:
        kill_desktop(backend, host.home, desktop.id)
        with anyio.fail_after(30), pytest.raises(DesktopLost):
            await desktop.exec(["sleep", "60"])


def kill_desktop(backend: str, home: Path, desktop_id: str) -> None:
    """As the kernel's out-of-memory killer, or an administrator, might."""
    if backend == "docker":
        subprocess.run(["docker", "kill", desktop_id], check=True, capture_output=True)
    else:
        record = json.loads((run_folder(home, backend) / desktop_id / "record.json").read_text())
        os.kill(Owner.parse(record["processes"][-1]).pid, signal.SIGKILL)
