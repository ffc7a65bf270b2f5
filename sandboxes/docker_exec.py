"""Asking the Docker engine, and running programs in a container."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio
import docker
import requests
from anyio.abc import ByteStream
from anyio.lowlevel import RunVar
from docker import DockerClient
from docker.errors import APIError, DockerException

from sandboxes.background import background
from sandboxes.deadline import Pace, deadline
from sandboxes.docker_stream import connect_to_engine, start_exec
from sandboxes.errors import BackendBusy, BackendUnavailable, DesktopLost

# A busy engine answers late; one that hangs never does, and must not hold up other backends for long.
REQUEST_SECONDS = 30
_REQUESTS_AT_ONCE = 4
_END_SECONDS = 10.0
_FIX = "start one (`scripts/engine start`, or your system's service), or set DOCKER_HOST"

T = TypeVar("T")

_TURNS: RunVar[anyio.CapacityLimiter] = RunVar("requests to the engine")


async def ask(question: Callable[[DockerClient], T], seconds: int | None = None) -> T:
    """Ask the engine, in a thread; each request has `seconds`, `REQUEST_SECONDS` by default.

    Raises BackendUnavailable where the engine cannot be reached, or refuses, and BackendBusy where it does
    not answer in time.
    """
    try:
        async with await connect_to_engine():
            pass
    except OSError as error:
        raise BackendUnavailable(f"no Docker engine answers ({error}): {_FIX}") from error

    def ask_it() -> T:
        try:
            with closing(docker.from_env(timeout=seconds or REQUEST_SECONDS)) as client:
                return question(client)
        except (requests.RequestException, DockerException) as error:
            raise _trouble(error) from error

    return await anyio.to_thread.run_sync(ask_it, limiter=_turns())


def _turns() -> anyio.CapacityLimiter:
    """An engine was seen to hang for good while it started and removed dozens at once."""
    try:
        return _TURNS.get()
    except LookupError:
        _TURNS.set(anyio.CapacityLimiter(_REQUESTS_AT_ONCE))
        return _TURNS.get()


def _trouble(error: Exception) -> BackendUnavailable:
    """What a failed request means. The SDK wraps what happens to its own first request, for the version."""
    if isinstance(error, requests.Timeout) or isinstance(error.__cause__, requests.Timeout):
        return BackendBusy(f"the Docker engine does not answer ({error}): see its own log")
    if isinstance(error, requests.RequestException):
        return BackendUnavailable(f"the Docker engine does not answer ({error}): {_FIX}")
    return BackendUnavailable(f"the Docker engine refused ({error}): see its own log")


async def open_exec(desktop_id: str, command: Sequence[str], user: int) -> tuple[str, ByteStream]:
    """Start a program in a container: its id, and its standard streams. Raises DesktopLost."""

    def make(client: DockerClient) -> str:
        try:
            made = client.api.exec_create(desktop_id, list(command), stdin=True, user=str(user))
        except APIError as error:
            raise DesktopLost(f"desktop {desktop_id} is gone: {error.explanation}") from error
        return str(made["Id"])

    exec_id = await ask(make)
    try:
        return exec_id, await start_exec(exec_id)
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
        raise DesktopLost(f"desktop {desktop_id} is gone: {error}") from error


@dataclass(slots=True)
class Ended:
    """How a program ended, and what it wrote to its standard error."""

    exit_code: int
    words: str


async def run_exec(
    desktop_id: str,
    command: Sequence[str],
    user: int,
    stdin: Iterable[bytes] = (),
    take: Callable[[AsyncIterator[bytes]], Awaitable[None]] | None = None,
) -> Ended:
    """Run a program to its end; `take` is given what it writes. Raises DesktopLost. Waits without a limit."""
    exec_id, stream = await open_exec(desktop_id, command, user)
    words: list[str] = []
    async with stream, background(partial(_feed, stream, stdin)):
        await (take or _drop)(_pieces(stream, words))
    return Ended(await _exit_code(exec_id), "".join(words))


async def _feed(stream: ByteStream, pieces: Iterable[bytes]) -> None:
    """Until the program has all of it, or reads no more."""
    with suppress(anyio.BrokenResourceError):
        for piece in pieces:
            await stream.send(piece)
        await stream.send_eof()


async def _pieces(stream: ByteStream, words: list[str]) -> AsyncIterator[bytes]:
    while True:
        try:
            yield await stream.receive()
        except anyio.EndOfStream:
            return
        except anyio.BrokenResourceError as error:  # it ended, and had something to say
            words.append(str(error))
            return


async def _drop(pieces: AsyncIterator[bytes]) -> None:
    async for _ in pieces:
        pass


async def _exit_code(exec_id: str) -> int:
    """The engine closes a program's streams a moment before it knows how it ended."""
    pace = Pace()
    with deadline("a program's exit code", _END_SECONDS):
        while True:
            found = await ask(lambda client: client.api.exec_inspect(exec_id))
            if not found["Running"] and found["ExitCode"] is not None:
                return int(found["ExitCode"])
            await pace.wait()
