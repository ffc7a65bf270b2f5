"""Which of a machine's ports to connect to: QEMU serves one connection of a port at a time, and lets others
wait in silence, so whoever connects first takes the port's lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anyio.abc import ByteStream

from sandboxes.deadline import Pace
from sandboxes.vm.domain import PORTS, port_path
from sandboxes.vm.port import open_port


async def connect(folder: Path) -> ByteStream:
    """Begin a connection on a free port of the machine, once there is one and its guest answers.

    Waits without a limit. Raises OSError where there is no machine, DesktopLost where it ends meanwhile.
    """
    number, lock = await _lock_one(folder)
    try:
        return _Locked(await open_port(port_path(folder, number)), lock)
    except BaseException:
        os.close(lock)
        raise


async def _lock_one(folder: Path) -> tuple[int, int]:
    """A port nobody uses, in whatever process, and its lock, which the kernel frees however we end."""
    pace = Pace()
    while True:
        for number in range(PORTS):
            lock = os.open(f"{port_path(folder, number)}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                return number, lock
        await pace.wait()


class _Locked(ByteStream):
    """A connection that holds its port's lock until it is closed."""

    def __init__(self, stream: ByteStream, lock: int) -> None:
        self._stream = stream
        self._lock: int | None = lock

    async def receive(self, max_bytes: int = 1 << 18) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return self._stream.extra_attributes
