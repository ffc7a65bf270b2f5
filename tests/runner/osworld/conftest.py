"""A desktop that is served to OSWorld's client, and what tests ask it with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio
import pytest

from runner.osworld.seat import Ports, Seat, spec_of
from sandboxes.backend import load_backend
from sandboxes.deadline import Pace
from sandboxes.errors import BackendUnavailable
from sandboxes.host import Host
from tests.conftest import lacking

PATIENCE_S = 60


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks a seat, as any HTTP client can."""

    def __init__(self, session: aiohttp.ClientSession, ports: Ports) -> None:
        self.ports = ports
        self._session = session

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.request("GET", path, **more)

    async def post(self, path: str, fields: Any = None, **more: Any) -> Reply:
        return await self.request("POST", path, json=fields or {}, **more)

    async def request(self, method: str, path: str, **more: Any) -> Reply:
        async with self._session.request(
            method, f"http://127.0.0.1:{self.ports.server}{path}", **more
        ) as got:
            return Reply(got.status, await got.read(), dict(got.headers))

    async def shell(self, script: str) -> Any:
        return (await self.post("/execute", {"command": script, "shell": True})).json

    async def until(self, script: str) -> None:
        """The script succeeds."""
        pace = Pace()
        with anyio.fail_after(PATIENCE_S):
            while (await self.shell(script))["returncode"] != 0:
                await pace.wait()


@asynccontextmanager
async def served(host: Host, backend: str, image: str, token: str | None = None) -> AsyncIterator[Client]:
    seat = Seat(host, spec_of(host, backend, image), backend, token)
    async with anyio.create_task_group() as tasks:
        ports = await tasks.start(seat.serve)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE_S)) as session:
            yield Client(session, ports)
        tasks.cancel_scope.cancel()


@pytest.fixture(scope="session")
async def bubblewrap(host: Host, needs_image: Callable[[str], None]) -> str:
    await check(host, "bubblewrap")
    needs_image("slim")
    return "bubblewrap"


async def check(host: Host, backend: str) -> None:
    try:
        await load_backend(backend, host.home).check()
    except BackendUnavailable as error:
        lacking(f"{backend}: {error}")


@pytest.fixture(scope="module")
async def client(host: Host, bubblewrap: str) -> AsyncIterator[Client]:
    """Of a small desktop, without a token."""
    async with served(host, bubblewrap, "slim") as client:
        yield client
