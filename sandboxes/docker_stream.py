"""A duplex byte stream to a program in a container: `docker exec` over the engine's own connection.

The engine turns the HTTP connection of `exec start` into a raw stream. The Docker SDK hands that out
only as a blocking socket it took from under its HTTP library, so the one request is made here, the
same way for an engine behind a Unix socket, TCP or TLS.
"""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.utils import kwargs_from_env

from sandboxes.errors import BackendUnavailable, DesktopLost
from sandboxes.unixsocket import connect_unix

_CHUNK_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_STDERR_BYTES = 4096
_HEAD_BYTES = 16 << 10
_READ_BYTES = 1 << 18
_LOCAL_SCHEMES = ("unix", "http+unix")


async def start_exec(exec_id: str) -> ByteStream:
    """Start an exec instance that was made with all three standard streams.

    Raises OSError, EndOfStream or another stream error, and DesktopLost where the engine refuses: the
    container has ended since the instance was made.
    """
    stream = await connect_to_engine()
    try:
        await stream.send(_request(exec_id))
        buffered = BufferedByteReceiveStream(stream)
        status = (await buffered.receive_until(b"\r\n\r\n", _HEAD_BYTES)).split(b"\r\n")[0]
        if b" 101 " not in status:
            raise DesktopLost(f"the engine refused a stream: {status.decode(errors='replace')}")
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise
    return _ExecStream(stream, buffered)


class _ExecStream(ByteStream):
    """Sends standard input; receives standard output, whose chunks lie between those of standard error."""

    def __init__(self, stream: ByteStream, buffered: BufferedByteReceiveStream) -> None:
        self._stream = stream
        self._buffered = buffered
        self._left_in_chunk = 0
        self._stderr = b""

    async def receive(self, max_bytes: int = _READ_BYTES) -> bytes:
        """Where the program said why it ended, BrokenResourceError with that instead of EndOfStream."""
        try:
            while self._left_in_chunk == 0:
                await self._begin_chunk()
            data = await self._buffered.receive(min(max_bytes, self._left_in_chunk))
        except (anyio.EndOfStream, anyio.IncompleteRead) as error:
            if self._stderr:
                raise anyio.BrokenResourceError(self._stderr.decode(errors="replace")) from error
            raise anyio.EndOfStream from None
        self._left_in_chunk -= len(data)
        return data

    async def _begin_chunk(self) -> None:
        kind, length = _CHUNK_HEADER.unpack(await self._buffered.receive_exactly(_CHUNK_HEADER.size))
        if kind == _STDERR:
            text = await self._buffered.receive_exactly(length)
            self._stderr = (self._stderr + text)[-_STDERR_BYTES:]
        else:
            self._left_in_chunk = length

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return self._stream.extra_attributes


def is_local_engine() -> bool:
    """Whether the engine runs on this machine, as one behind a Unix socket does."""
    return _engine_url(kwargs_from_env()).scheme in _LOCAL_SCHEMES


async def connect_to_engine() -> ByteStream:
    """Connect as `docker.from_env` would. Raises OSError, and BackendUnavailable for ssh and the like."""
    engine: Mapping[str, Any] = kwargs_from_env()
    url = _engine_url(engine)
    if url.scheme in _LOCAL_SCHEMES:
        return await connect_unix(url.path)
    if url.scheme not in ("tcp", "http", "https") or url.hostname is None:
        raise BackendUnavailable(f"DOCKER_HOST: {url.geturl()!r} is not supported; use unix:// or tcp://")
    context = _tls_context(engine)
    port = url.port or (2376 if context else 2375)
    if context is None:
        return await anyio.connect_tcp(url.hostname, port)
    return await anyio.connect_tcp(url.hostname, port, ssl_context=context, tls_standard_compatible=False)


def _engine_url(engine: Mapping[str, Any]) -> SplitResult:
    return urlsplit(engine.get("base_url") or DEFAULT_UNIX_SOCKET.replace("http+unix:", "unix:"))


def _tls_context(engine: Mapping[str, Any]) -> ssl.SSLContext | None:
    tls = engine.get("tls")
    if not tls:
        return None
    context = ssl.create_default_context(cafile=tls.ca_cert)
    context.check_hostname = bool(tls.verify)
    if not tls.verify:
        context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        certificate, key = map(Path, tls.cert)
        context.load_cert_chain(certificate, key)
    return context


def _request(exec_id: str) -> bytes:
    body = b'{"Detach": false, "Tty": false}'
    head = (
        f"POST /exec/{exec_id}/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
