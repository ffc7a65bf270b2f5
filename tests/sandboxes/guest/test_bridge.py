"""The bridge that connects standard streams to the guest, run inside a desktop as an exec session runs it."""

from __future__ import annotations

import pytest

from sandboxes.desktop import Desktop

pytestmark = pytest.mark.anyio

ECHO = """
import os, socket, subprocess, sys, threading, time
sys.path.insert(0, "/opt/deskswarm/guest")
from deskswarm_guest import bridge
path = "/tmp/echo.sock"
server = socket.create_server(path, family=socket.AF_UNIX)
def echo():
    peer, _ = server.accept()
    while data := peer.recv(1 << 18):
        peer.sendall(data)
    peer.close()
threading.Thread(target=echo, daemon=True).start()
bridge.SOCKET_PATH = path
sys.exit(bridge.bridge())
"""


async def test_it_copies_both_ways_to_the_end_of_its_input(shared: Desktop) -> None:
    size = 40 << 20
    script = f"head -c {size} /dev/zero | python3 -c '{ECHO}' | wc -c"
    result = await shared.exec(["bash", "-c", f"time ({script})"], timeout=30)
    assert result.stdout.strip() == str(size).encode(), result.stderr


async def test_it_says_when_there_is_no_guest(shared: Desktop) -> None:
    code = (
        "from deskswarm_guest import bridge; bridge.SOCKET_PATH = '/tmp/none'; "
        "bridge._LISTENS_WITHIN_S = 0.1; exit(bridge.bridge())"
    )
    result = await shared.exec(["python3", "-c", code], env={"PYTHONPATH": "/opt/deskswarm/guest"})
    assert result.exit_code == 1
    assert b"cannot connect" in result.stderr
