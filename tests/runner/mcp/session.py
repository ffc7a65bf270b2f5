"""An MCP session with the real command, by the official client."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult, ImageContent, TextContent

from tests.runner.cli.command import COMMAND


class Session:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        return result

    async def does(self, tool: str, **arguments: Any) -> str:
        """What the tool says, which must be no error."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, text(result)
        return text(result)

    async def is_refused(self, tool: str, **arguments: Any) -> str:
        """What the tool says, which must be an error, and one of ours."""
        result = await self.call(tool, **arguments)
        assert result.is_error, text(result)
        assert "Traceback" not in text(result)
        return text(result)

    async def start(self, **arguments: Any) -> str:
        """A new desktop's id."""
        first = (await self.does("start", **arguments)).splitlines()[0]
        return first.removeprefix("desktop: ")


@asynccontextmanager
async def session(home: Path, *options: str) -> AsyncIterator[Session]:
    server = StdioServerParameters(command=COMMAND, args=["mcp", *options], env=environment(home))
    async with Client(stdio_client(server, errlog=sys.stderr)) as client:
        yield Session(client)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "DESKSWARM_HOME": str(home)}


def text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def image(result: CallToolResult) -> ImageContent:
    [found] = [part for part in result.content if isinstance(part, ImageContent)]
    return found
