"""The program inside the desktop that takes the baselines' readings, as the benchmarks use it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from sandboxes.deadline import Pace, deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import InfraError

_FOLDER = "/tmp/deskswarm-bench"
_PORT = 47_000
_START_S = 30.0
_ANSWER_S = 120.0
_MAX_ANSWER = 16 << 20


class Companion:
    """Made by `run_companion`. Every method raises DeadlineExceeded where no answer comes."""

    def __init__(self, stream: anyio.abc.SocketStream) -> None:
        self._stream = stream
        self._received = BufferedByteReceiveStream(stream)

    async def paint(self) -> None:
        """Change every tile of the screen; on return the display has drawn it."""
        await self.ask("paint")

    async def clear(self) -> None:
        """Show the desktop again."""
        await self.ask("clear")

    async def screenshot_s(self) -> float:
        """Seconds for one screenshot saved as PNG."""
        return float((await self.ask("screenshot"))["seconds"])

    async def walk(self, *, showing_only: bool, details: bool) -> dict[str, Any]:
        """One walk of the tree: `seconds`, `calls`, and its `nodes`."""
        found: dict[str, Any] = await self.ask("walk", showing_only, details)
        return found

    async def description(self, node: dict[str, Any]) -> str:
        """Of one of the nodes of the last walk."""
        return str(await self.ask("description", node["owner"], node["path"]))

    async def ask(self, *request: str | bool) -> Any:
        with deadline(f"the companion's answer to {request[0]}", _ANSWER_S):
            await self._stream.send(json.dumps(request).encode() + b"\n")
            return json.loads(await self._received.receive_until(b"\n", _MAX_ANSWER))


@asynccontextmanager
async def run_companion(desktop: Desktop) -> AsyncIterator[Companion]:
    """Start the program on the desktop and talk to it. Raises InfraError where it does not run."""
    for script in resources.files("runner.bench.inside").iterdir():
        if script.name.endswith(".py"):
            await desktop.files.write(f"{_FOLDER}/{script.name}", script.read_bytes())
    command = f"python3 {_FOLDER}/companion.py {_PORT} 2>{_FOLDER}/log"
    await desktop.open(["sh", "-c", command], env={"PYTHONPATH": "/opt/deskswarm/lib"})
    async with desktop.tunnel(_PORT) as (host, port):
        stream = await _connect(desktop, host, port)
        async with stream:
            yield Companion(stream)


async def _connect(desktop: Desktop, host: str, port: int) -> anyio.abc.SocketStream:
    """A connection over which the companion has answered once: until it listens, the tunnel hangs up."""
    pace = Pace()
    with anyio.move_on_after(_START_S):
        while True:
            stream = await anyio.connect_tcp(host, port)
            try:
                await Companion(stream).ask("hello")
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                await stream.aclose()
                await pace.wait()
            else:
                return stream
    log = await desktop.files.read(f"{_FOLDER}/log")
    raise InfraError(f"the benchmark's program on the desktop does not run: {log.decode(errors='replace')}")
