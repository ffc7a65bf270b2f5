"""The HTTP server of one seat: who may ask, what a request holds, and nothing of it beyond its bounds."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import anyio
from aiohttp import BodyPartReader, web

from runner.osworld.endpoint import Answer, Refused, refusal
from runner.osworld.files import MAX_FILE_BYTES, TRANSFER_TIMEOUT_S
from runner.osworld.guest import Guest, carry_out
from runner.osworld.repeats import as_response, deliver
from sandboxes.deadline import deadline
from sandboxes.errors import DeskswarmError

LOOPBACK = "127.0.0.1"
MAX_BODY_BYTES = 8 << 20
FRESH = "/deskswarm/fresh"
MULTIPART = "multipart/form-data"
_MAX_PARTS = 16
_MAX_FIELDS = 100
# Each may hold a whole file in memory. Clients of a desktop take turns anyhow.
_REQUESTS_AT_ONCE = 8
_LOCAL_NAMES = {LOOPBACK, "localhost"}


class Server:
    """`guest` tells the desktop that answers at present; `fresh`, where there is one, puts another in its
    place."""

    def __init__(
        self,
        token: str | None,
        guest: Callable[[], Guest | None],
        fresh: Callable[[], Awaitable[Answer]] | None = None,
    ) -> None:
        self._token = token
        self._guest = guest
        self._fresh = fresh
        self._slots = anyio.Semaphore(_REQUESTS_AT_ONCE)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """On a free port of this machine's loopback, until the block ends."""
        connections = _Connections(self._handle, self._was_reset)
        runner = web.ServerRunner(connections, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, 0).start()
            yield runner.addresses[0][1]
        finally:
            with anyio.CancelScope(shield=True):
                await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            check_allowed(request, self._token)
            if self._fresh is not None and (request.method, request.path) == ("POST", FRESH):
                return as_response(await self._fresh())
            async with self._slots:
                return await self._answer(request)
        except Refused as refused:
            return as_response(refused.answer)
        except DeskswarmError as error:
            return as_response(refusal(500, str(error)))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        guest = self._guest()
        if guest is None:
            raise Refused(503, "there is no desktop at present")
        guest.repeats.went_on(request)
        found = guest.find(request.method, request.path)
        if found.act and request.content_type == MULTIPART:
            raise Refused(415, "this endpoint takes JSON")
        with deadline("the body of the request", TRANSFER_TIMEOUT_S):
            fields, digest = await read_fields(request)
        if not found.act:
            response = as_response(await carry_out(found, fields))
            await deliver(response, request)
            return response
        key = f"{request.path} {digest}".encode()
        return await guest.repeats.once(key, request, partial(carry_out, found, fields))

    def _was_reset(self, connection: web.RequestHandler) -> None:
        guest = self._guest()
        if guest is not None:
            guest.repeats.was_reset(connection)


class _Connections(web.Server):
    """Tells of those that a client closed without reading all that was written."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        on_reset: Callable[[web.RequestHandler], None],
    ) -> None:
        super().__init__(handler, request_factory=_bounded, access_log=None)
        self._on_reset = on_reset

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        if isinstance(exc, ConnectionResetError):
            self._on_reset(handler)
        super().connection_lost(handler, exc)


def _bounded(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """As aiohttp makes a request, but for the limit to its body."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES)


def check_allowed(request: web.BaseRequest, token: str | None) -> None:
    """Raises Refused for one without the token; where none is asked for, for one from a web page."""
    if token is None:
        name = request.host.rsplit(":", 1)[0]
        if "Origin" in request.headers or name not in _LOCAL_NAMES:
            raise Refused(403, "this server is for programs of this machine, not for web pages")
    elif not any(hmac.compare_digest(_bytes(given), _bytes(token)) for given in _given(request)):
        raise Refused(401, "give the token as `Authorization: Bearer TOKEN`, a password, or ?token=")


def _given(request: web.BaseRequest) -> list[str]:
    """All that may be the token: a client that takes nothing but an address puts it in the address."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    given = [request.query.get("token", "")]
    if scheme.lower() == "bearer":
        given.append(value)
    if scheme.lower() == "basic":
        with suppress(ValueError):
            given.append(base64.b64decode(value).decode().partition(":")[2])
    return given


def _bytes(text: str) -> bytes:
    """Also of a header that is not UTF-8."""
    return text.encode(errors="surrogateescape")


async def read_fields(request: web.BaseRequest) -> tuple[Mapping[str, object], str]:
    """The fields of a body, in whatever form, and a digest of it. Raises Refused."""
    if request.content_type == MULTIPART:
        return await _read_multipart(request), ""
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, f"the body is longer than {MAX_BODY_BYTES} bytes") from None
    digest = hashlib.sha256(body).hexdigest()
    if request.content_type == "application/x-www-form-urlencoded":
        return _parse_form(body), digest
    return _parse_json(body), digest


def _parse_form(body: bytes) -> Mapping[str, object]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise Refused(400, f"the body is no form: {error}") from None


def _parse_json(body: bytes) -> Mapping[str, object]:
    """Empty is as good as none: endpoints without parameters are posted to with nothing."""
    try:
        fields = json.loads(body or b"{}")
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON: {error!s:.200}") from None
    if not isinstance(fields, dict):
        raise Refused(400, "the body is no JSON object")
    return fields


async def _read_multipart(request: web.BaseRequest) -> Mapping[str, object]:
    """A part with a file's name is bytes, another one text."""
    fields: dict[str, object] = {}
    left = MAX_FILE_BYTES + MAX_BODY_BYTES
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None or len(fields) == _MAX_PARTS:
                raise Refused(400, f"the body is no form of at most {_MAX_PARTS} named parts")
            data = await _read_part(part, left)
            left -= len(data)
            fields[part.name] = data if part.filename is not None else data.decode(errors="replace")
    except ValueError as error:
        raise Refused(400, f"the body is no multipart form: {error!s:.200}") from None
    return fields


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(1 << 16):
        data += chunk
        if len(data) > limit:
            raise Refused(413, f"the file is longer than {MAX_FILE_BYTES} bytes")
    return bytes(data)
