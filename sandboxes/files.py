"""The files of a desktop. `~` is its user's home folder."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import anyio

from sandboxes.connection import Connection
from sandboxes.deadline import deadline
from sandboxes.errors import FileError, ProtocolError
from sandboxes.guest.protocol import (
    MAX_CHUNK_BYTES,
    FileEntry,
    FileList,
    FileListReply,
    FileRead,
    FileReadReply,
    FileRemove,
    FileWrite,
    Nothing,
)
from sandboxes.inputs import checked

DEFAULT_MAX_BYTES = 64 << 20
TRANSFER_TIMEOUT_S = 60.0
LOOK_TIMEOUT_S = 30.0


class Files:
    """Every method raises FileError for what the desktop refuses, DeadlineExceeded, StaleLease, DesktopLost.

    `timeout` is for the whole transfer, in seconds.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(
        self, path: str, *, max_bytes: int = DEFAULT_MAX_BYTES, timeout: float = TRANSFER_TIMEOUT_S
    ) -> bytes:
        """A whole file. Raises FileError where it is larger than `max_bytes`, before any of it is read."""
        data = bytearray()
        with deadline(f"reading {path}", timeout):
            async with aclosing(self._chunks(path, max_bytes, timeout)) as chunks:
                async for chunk in chunks:
                    data += chunk
        return bytes(data)

    async def write(
        self, path: str, data: bytes, *, mode: int = 0o644, timeout: float = TRANSFER_TIMEOUT_S
    ) -> None:
        """Write a file anew, and the folders above it. Cut short, it leaves a part of the file."""
        with deadline(f"writing {path}", timeout):
            for offset in range(0, max(len(data), 1), MAX_CHUNK_BYTES):
                chunk = data[offset : offset + MAX_CHUNK_BYTES]
                await self._write_chunk(path, chunk, offset, mode, timeout)

    async def get(
        self,
        path: str,
        local: Path,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file of the desktop to `local`, which appears whole or not at all. Raises OSError."""
        part = local.with_name(f".{local.name}.part")
        try:
            with deadline(f"getting {path}", timeout):
                async with (
                    await anyio.open_file(part, "wb") as file,
                    aclosing(self._chunks(path, max_bytes, timeout)) as chunks,
                ):
                    async for chunk in chunks:
                        await file.write(chunk)
            part.replace(local)
        finally:
            part.unlink(missing_ok=True)

    async def put(
        self, local: Path, path: str, *, mode: int = 0o644, timeout: float = TRANSFER_TIMEOUT_S
    ) -> None:
        """Copy a local file to the desktop. Raises OSError where it cannot be read."""
        with deadline(f"putting {path}", timeout):
            async with await anyio.open_file(local, "rb") as file:
                offset = 0
                while offset % MAX_CHUNK_BYTES == 0:
                    chunk = await file.read(MAX_CHUNK_BYTES)
                    await self._write_chunk(path, chunk, offset, mode, timeout)
                    if not chunk:
                        break
                    offset += len(chunk)

    async def list(self, path: str, *, timeout: float = LOOK_TIMEOUT_S) -> tuple[FileEntry, ...]:
        """What a folder holds; a file lists itself. Raises FileError where there is no such path."""
        entries = await self._entries(path, timeout)
        if entries is None:
            raise FileError(f"{path}: no such file or folder")
        return entries

    async def exists(self, path: str, *, timeout: float = LOOK_TIMEOUT_S) -> bool:
        return await self._entries(path, timeout) is not None

    async def remove(self, path: str, *, timeout: float = LOOK_TIMEOUT_S) -> None:
        """Remove a file, or a folder and all it holds."""
        await self._connection.request(
            "file.remove", checked(FileRemove, path=path), Nothing, timeout=timeout
        )

    async def _chunks(self, path: str, max_bytes: int, timeout: float) -> AsyncGenerator[bytes]:
        """The size the guest states first is the size: a file that grows is cut there."""
        offset, total = 0, 1
        while offset < total:
            args = checked(FileRead, path=path, offset=offset)
            reply, chunk = await self._connection.request("file.read", args, FileReadReply, timeout=timeout)
            if offset == 0:
                total = reply.total
            if total > max_bytes:
                raise FileError(f"{path}: {total} bytes are over the limit of {max_bytes}")
            if not chunk and total:
                raise FileError(f"{path}: ended after {offset} of {total} bytes")
            yield chunk[: total - offset]
            offset += len(chunk)

    async def _write_chunk(self, path: str, chunk: bytes, offset: int, mode: int, timeout: float) -> None:
        args = checked(FileWrite, path=path, offset=offset, mode=mode)
        await self._connection.request("file.write", args, Nothing, chunk, timeout=timeout)

    async def _entries(self, path: str, timeout: float) -> tuple[FileEntry, ...] | None:
        args = checked(FileList, path=path)
        reply, _ = await self._connection.request("file.list", args, FileListReply, timeout=timeout)
        for entry in reply.entries or ():
            if "/" in entry.name or "\0" in entry.name or entry.name in {"", ".", ".."}:
                raise ProtocolError(f"file.list: {entry.name!r:.80} is not the name of a file")
        return reply.entries
