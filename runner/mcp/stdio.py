"""MCP's stdio transport: a JSON-RPC message a line, on descriptors 0 and 1.

The SDK's own reads in a thread that only the end of the input ends, so that a signal would wait for the
client; this one can be cancelled at any point.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from pydantic import ValidationError

from sandboxes.errors import InputError

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]

MAX_MESSAGE_BYTES = 8 << 20
_READ_BYTES = 64 << 10
_WRITE_BYTES = 4096  # PIPE_BUF: a pipe that is ready takes so many without blocking


@asynccontextmanager
async def stdio() -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """What comes in, to its end, and what goes out. The block is cancelled where nobody reads any more.

    From now on this process's own standard input is empty, and what it prints goes to standard error.
    Raises InputError for a message of over MAX_MESSAGE_BYTES.
    """
    source, sink = _take_descriptors()
    to_us, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, from_us = anyio.create_memory_object_stream[SessionMessage](0)
    with incoming, outgoing:
        async with anyio.create_task_group() as tasks:

            async def write() -> None:
                with suppress(BrokenPipeError, ConnectionResetError):
                    await _write(sink, from_us)
                    return
                tasks.cancel_scope.cancel()

            tasks.start_soon(_read, source, to_us)
            tasks.start_soon(write)
            yield incoming, outgoing
            tasks.cancel_scope.cancel()


def _take_descriptors() -> tuple[int, int]:
    """For the protocol alone: a stray print, or a child that reads, must not come between."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


async def _read(source: int, to_us: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    rest = b""
    with to_us, suppress(OSError):  # a terminal that hung up has come to its end, too
        while piece := await _receive(source):
            *lines, rest = (rest + piece).split(b"\n")
            for line in filter(bytes.strip, lines):
                await to_us.send(_parse(line))
            if len(rest) > MAX_MESSAGE_BYTES:
                raise InputError(f"standard input: a message of over {MAX_MESSAGE_BYTES} bytes; send less")


async def _receive(source: int) -> bytes:
    with suppress(PermissionError):  # a file, which is always ready and cannot be waited for
        await anyio.wait_readable(source)
    return os.read(source, _READ_BYTES)


def _parse(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError as error:
        return error


async def _write(sink: int, from_us: MemoryObjectReceiveStream[SessionMessage]) -> None:
    with from_us:
        async for message in from_us:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
            for start in range(0, len(line), _WRITE_BYTES):
                await _send(sink, line[start : start + _WRITE_BYTES])


async def _send(sink: int, piece: bytes) -> None:
    while piece:
        with suppress(PermissionError):
            await anyio.wait_writable(sink)
        piece = piece[os.write(sink, piece) :]
