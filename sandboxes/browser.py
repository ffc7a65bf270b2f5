"""The desktop's own Chromium, driven by Playwright over DevTools.

Playwright runs on the host and needs no browser of its own: it speaks to the one inside through a
loopback tunnel that ends with the lease.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from sandboxes.connection import Connection
from sandboxes.deadline import Pace, deadline
from sandboxes.errors import BackendUnavailable, GuestError, InfraError, ProtocolError
from sandboxes.guest.protocol import Launch, LaunchReply, TunnelOpen
from sandboxes.tunnel import TunnelStream, open_tunnel

if TYPE_CHECKING:
    from playwright.async_api import Browser

DEVTOOLS_PORT = 9222
CHROMIUM = ("google-chrome", f"--remote-debugging-port={DEVTOOLS_PORT}")
_MAX_ANSWER_BYTES = 16384
_ASK_VERSION = b"GET /json/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# Only the path is taken from the desktop's answer: it must not choose what the host connects to.
_BROWSER_PATH = re.compile(rb'"webSocketDebuggerUrl":\s*"ws://[^/"]*(/devtools/browser/[0-9a-f-]{36})"')


@asynccontextmanager
async def open_browser(connection: Connection, timeout: float) -> AsyncIterator[Browser]:
    """Playwright's Browser, until the block ends; Chromium itself stays open on the desktop.

    Raises InputError without the `browser` extra, DeadlineExceeded where Chromium does not come up in
    time (one that runs without DevTools must be closed first), InfraError where Playwright cannot
    connect.
    """
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError:
        raise BackendUnavailable("browser() needs Playwright: pip install 'deskswarm[browser]'") from None
    with deadline(f"Chromium's DevTools on port {DEVTOOLS_PORT} of the desktop", timeout):
        path = await _start_devtools(connection, timeout)
    async with open_tunnel(connection, DEVTOOLS_PORT) as (host, port), async_playwright() as playwright:
        try:
            browser = await playwright.chromium.connect_over_cdp(
                f"ws://{host}:{port}{path}", timeout=timeout * 1000
            )
        except Error as error:
            raise InfraError(f"Playwright could not connect to the desktop's Chromium: {error}") from None
        async with browser:
            yield browser


async def _start_devtools(connection: Connection, timeout: float) -> str:
    """The path of the DevTools of a browser that runs, or that is started here."""
    if path := await _ask_path(connection):
        return path
    await connection.request("launch", Launch(argv=CHROMIUM), LaunchReply, timeout=timeout)
    pace = Pace()
    while not (path := await _ask_path(connection)):
        await pace.wait()
    return path


async def _ask_path(connection: Connection) -> str | None:
    """None while nothing listens."""
    try:
        stream = await TunnelStream.connect(connection, TunnelOpen(port=DEVTOOLS_PORT))
    except GuestError:
        return None
    async with stream:
        await stream.send(_ASK_VERSION)
        answer = b""
        while not (found := _BROWSER_PATH.search(answer)):
            if len(answer) > _MAX_ANSWER_BYTES:
                raise ProtocolError("what listens on the DevTools port is not Chromium")
            answer += await _receive(stream)
        return found[1].decode()


async def _receive(stream: TunnelStream) -> bytes:
    try:
        return await stream.receive()
    except anyio.EndOfStream:
        raise ProtocolError("the DevTools port closed in the middle of its answer") from None
