"""HTTP servers on this machine's loopback, each for as long as somebody wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from sandboxes.errors import InputError

_POLL_S = 0.1


async def serve_until_cancelled(
    make: Callable[[], ThreadingHTTPServer], port: int, task_status: TaskStatus[int]
) -> None:
    """Make a server for a port and let it serve; tells the port it listens on. Raises InputError where that
    port is taken."""
    try:
        server = make()
    except OSError as error:
        raise InputError(f"port: {port} cannot be listened on: {error.strerror}") from None
    # A thread that is sure to run: `shutdown` waits for the end of `serve_forever`, also of one never begun.
    threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True).start()
    task_status.started(server.server_port)
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(server.shutdown)
        server.server_close()
