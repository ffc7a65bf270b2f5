"""Who a desktop is: what a copy of a running one must change about itself."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import anyio

from .failures import RequestFailed
from .machine import MACHINE_FD, MAX_ORDER_BYTES
from .paths import MACHINE_ID
from .protocol import Adopt


class Identity:
    """The guest changes what is its own; process 1 of the machine the rest, for only root may."""

    def __init__(self) -> None:
        handed_in = os.environ.get(MACHINE_FD)
        self._machine = socket.socket(fileno=int(handed_in)) if handed_in else None
        self._one_order = anyio.Lock()

    async def adopt(self, args: Adopt) -> None:
        """Fails where this is no virtual machine, or process 1 cannot do it."""
        if self._machine is None:
            raise RequestFailed("bad_request", "adopt: only a virtual machine can be a copy of another")
        Path(MACHINE_ID).write_text(f"{args.machine_id}\n", encoding="ascii")
        order = {"hostname": args.hostname, "time_ns": args.time_ns, "seed": args.seed}
        async with self._one_order:
            await self._give(self._machine, json.dumps(order).encode())

    async def _give(self, machine: socket.socket, order: bytes) -> None:
        machine.send(order)
        await anyio.wait_readable(machine)
        answer = machine.recv(MAX_ORDER_BYTES).decode()
        if answer != "done":
            raise RequestFailed("internal", f"adopt: {answer}")
