"""The pages that Chromium has open, from its DevTools, where it was started with them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio

from .protocol import MAX_PAGES, Page

_LOOPBACK = "127.0.0.1"
_ANSWER_S = 0.5
_MAX_HEADER_BYTES = 1 << 14
_MAX_BODY_BYTES = 1 << 20
_MAX_TITLE = 1000
_MAX_ADDRESS = 4000
_ASK = b"GET /json/list HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_PORT = re.compile(rb"--remote-debugging-port=([0-9]{1,5})(?![0-9])")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,9})\r\n", re.IGNORECASE)


async def open_pages(pids: Iterable[int]) -> tuple[Page, ...]:
    """The pages of those of these processes that have DevTools; none of one that does not answer in time."""
    ports = {port for pid in pids if (port := _devtools_port(pid)) is not None}
    found = await asyncio.gather(*(_pages_at(port) for port in sorted(ports)))
    return tuple(page for pages in found for page in pages)[:MAX_PAGES]


def _devtools_port(pid: int) -> int | None:
    try:
        port = _PORT.search(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return None  # It has gone.
    return int(port[1]) if port is not None and 0 < int(port[1]) < 1 << 16 else None


async def _pages_at(port: int) -> list[Page]:
    try:
        with anyio.fail_after(_ANSWER_S):
            return [_page(target) for target in await _targets(port) if target["type"] == "page"]
    except (TimeoutError, OSError, EOFError, ValueError, KeyError, TypeError):
        return []  # It does not answer, or what answers is not Chromium.


async def _targets(port: int) -> Any:
    """What DevTools lists. Raises OSError, EOFError or ValueError."""
    reader, writer = await asyncio.open_connection(_LOOPBACK, port, limit=_MAX_HEADER_BYTES)
    try:
        writer.write(_ASK)
        header = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(header)
        if length is None or int(length[1]) > _MAX_BODY_BYTES:
            raise ValueError("no answer of a bounded length")
        return json.loads(await reader.readexactly(int(length[1])))
    finally:
        writer.close()


def _page(target: dict[str, str]) -> Page:
    return Page(title=target["title"][:_MAX_TITLE], address=target["url"][:_MAX_ADDRESS])
