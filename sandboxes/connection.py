"""The host's end of a desktop's stream: requests, deadlines, bounds and the heartbeat.

Nothing the guest sends is trusted. Every frame is bounded in size and time, every header validated;
the first breach ends the connection and fails all that wait on it at once, and every later request.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import anyio
from anyio.abc import ByteStream
from pydantic import ValidationError

from sandboxes.deadline import deadline
from sandboxes.errors import (
    DeadlineExceeded,
    DeskswarmError,
    DesktopLost,
    DesktopSilent,
    ProtocolError,
    StaleLease,
)
from sandboxes.guest.frames import Frame, FrameError, FrameReader, send_frame
from sandboxes.guest.protocol import PROTOCOL_VERSION, Failure, Hello, HelloReply, Message, Nothing
from sandboxes.lease import Lease
from sandboxes.spec import Screen
from sandboxes.wire import failure_error, parse_reply, read_answer, request_frame

MAX_IN_FLIGHT = 256
DEADLINE_GRACE_S = 1.0
HELLO_TIMEOUT_S = 10.0
_FIRST_HELLO_TIMEOUT_S = 600.0

R = TypeVar("R", bound=Message)


@dataclass(slots=True, eq=False)
class _Call:
    """One request on its way: `done` is set when its answer is there, or the connection has ended."""

    number: int
    op: str
    frame: Frame
    sent: bool = False
    answer: tuple[Message, bytes] | Failure | None = None
    done: anyio.Event = field(default_factory=anyio.Event)


class Connection:
    """One lease holder's stream to one guest.

    `async with` says hello, then reads replies and sends heartbeats until the block ends. The guest
    can end the connection, never the block: `wait_closed` tells, and `failure` says why.
    """

    def __init__(self, stream: ByteStream, lease: Lease) -> None:
        self.lease = lease
        self.screen = Screen()
        self.failure: DeskswarmError | None = None
        self._stream = stream
        self._closed = anyio.Event()
        self._numbers = itertools.count(1)
        self._calls: dict[int, _Call] = {}
        self._abandoned: set[int] = set()
        self._slots = anyio.Semaphore(MAX_IN_FLIGHT)
        self._outbox, self._to_send = anyio.create_memory_object_stream[_Call](0)
        self._tasks = anyio.create_task_group()

    async def __aenter__(self) -> Self:
        """Take the desktop over. Raises StaleLease, ProtocolError, DesktopLost, DeadlineExceeded."""
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._serve)
        try:
            await self._say_hello()
        except BaseException:
            await self._end()
            raise
        self._tasks.start_soon(self._beat)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def pass_to(self, lease: Lease) -> None:
        """Take the desktop over under its next lease, on this very stream. Raises as entering does."""
        self.lease = lease  # from here on no request goes out under the old one
        await self._say_hello()

    def close(self, reason: DeskswarmError | None = None) -> None:
        """End the connection: what waits on it, and every later request, raises `reason` (DesktopLost)."""
        if self.failure is None:
            self.failure = reason or DesktopLost("the connection was closed")
            self._closed.set()
            for call in self._calls.values():
                call.done.set()

    def check_open(self) -> None:
        """Raise why the connection has ended, if it has."""
        if self.failure is not None:
            # A copy each time: one exception raised in many tasks would mix their tracebacks.
            raise type(self.failure)(*self.failure.args) from self.failure

    async def wait_closed(self) -> None:
        """Wait until the connection has ended, from whichever side."""
        await self._closed.wait()

    async def request(
        self, op: str, args: Message, result: type[R], attachment: bytes = b"", *, timeout: float
    ) -> tuple[R, bytes]:
        """Ask the guest for one operation of the protocol: its result, and the reply's attachment.

        Raises InputError for a request over the protocol's limits, DeadlineExceeded where no answer came
        within `timeout` seconds, whoever is to blame, StaleLease, DesktopLost, ProtocolError, and
        what the guest itself answers: ActionFailed, FileError, GuestError, InfraError.
        """
        with deadline(f"an answer to {op}", timeout, grace=DEADLINE_GRACE_S):
            async with self._slots:
                return await self._ask(op, args, result, attachment, timeout)

    async def _ask(
        self, op: str, args: Message, result: type[R], attachment: bytes, timeout: float
    ) -> tuple[R, bytes]:
        self.check_open()
        number = next(self._numbers)
        frame = request_frame(number, op, self.lease.token, timeout, args, attachment)
        answer = await self._exchange(_Call(number, op, frame))
        if isinstance(answer, Failure):
            error = failure_error(op, answer)
            if isinstance(error, StaleLease):
                self.close(error)
            raise error
        message, received = answer
        if not isinstance(message, result):
            raise TypeError(f"{op} answers {type(message).__name__}, not {result.__name__}")
        return message, received

    async def _exchange(self, call: _Call) -> tuple[Message, bytes] | Failure:
        """Send a request and wait for its answer. If the caller gives up, a late answer is dropped."""
        self._calls[call.number] = call
        try:
            # Broken means that nothing is sent any more: the connection has just ended.
            with suppress(anyio.BrokenResourceError):
                await self._outbox.send(call)
                await call.done.wait()
        finally:
            del self._calls[call.number]
            if call.sent and call.answer is None:
                self._abandon(call.number)
        if call.answer is None:
            self.check_open()
            raise DesktopLost("the connection ended without a reason")
        return call.answer

    def _abandon(self, number: int) -> None:
        self._abandoned.add(number)
        if len(self._abandoned) > MAX_IN_FLIGHT:
            self.close(DesktopSilent(f"the guest left {len(self._abandoned)} requests unanswered"))

    async def _end(self) -> None:
        self.close()
        await self._tasks.__aexit__(None, None, None)

    async def _serve(self) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send_requests)
                tasks.start_soon(self._read_replies)
                await self._closed.wait()
                tasks.cancel_scope.cancel()
        finally:
            self.close()
            self._outbox.close()
            self._to_send.close()
            await anyio.aclose_forcefully(self._stream)

    async def _send_requests(self) -> None:
        """Only this task writes, so a caller that gives up never leaves half a frame on the stream."""
        with self._closing_on_breach():
            async for call in self._to_send:
                if call.number in self._calls:
                    call.sent = True
                    await send_frame(self._stream, call.frame)

    async def _read_replies(self) -> None:
        """A reply must arrive whole within the time the lease lives without a word."""
        reader = FrameReader(self._stream, self.lease.ttl_s)
        with self._closing_on_breach():
            while True:
                self._take_reply(await reader.read())

    async def _beat(self) -> None:
        """Heartbeats do not queue for a slot: a caller's many requests must not end the desktop."""
        ttl = self.lease.ttl_s
        while self.failure is None:
            with anyio.move_on_after(ttl / 3):
                await self._closed.wait()
            with self._closing_on_breach(), deadline("a heartbeat", ttl, grace=DEADLINE_GRACE_S):
                await self._ask("heartbeat", Nothing(), Nothing, b"", ttl)

    @contextmanager
    def _closing_on_breach(self) -> Iterator[None]:
        try:
            yield
        except FrameError as error:
            self.close(ProtocolError(str(error)))
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.close(DesktopLost("the desktop's stream ended"))
        except DeadlineExceeded as error:
            self.close(DesktopSilent(f"the guest no longer answers: {error}"))
        except DeskswarmError as error:
            self.close(error)

    def _take_reply(self, frame: Frame) -> None:
        reply = parse_reply(frame.header)
        if reply.id in self._abandoned:
            self._abandoned.remove(reply.id)
            return
        call = self._calls.get(reply.id)
        if call is None or not call.sent or call.answer is not None:
            raise ProtocolError(f"a reply to request {reply.id}, which nobody waits for")
        call.answer = read_answer(call.op, reply, frame.attachment)
        call.done.set()

    async def _say_hello(self) -> None:
        args = Hello(
            version=PROTOCOL_VERSION,
            epoch=self.lease.epoch,
            token=self.lease.token,
            ttl_s=self.lease.ttl_s + self.lease.outlive_s,
        )
        # The first is answered when the desktop has booted, and who starts it has a deadline for that.
        timeout = _FIRST_HELLO_TIMEOUT_S if self.lease.epoch == 1 else HELLO_TIMEOUT_S
        reply, _ = await self.request("hello", args, HelloReply, timeout=timeout)
        if reply.version != PROTOCOL_VERSION:
            raise ProtocolError(f"the guest speaks version {reply.version}, not {PROTOCOL_VERSION}")
        try:
            self.screen = Screen(width=reply.width, height=reply.height)
        except ValidationError:
            raise ProtocolError(f"a screen of {reply.width}x{reply.height} pixels") from None
