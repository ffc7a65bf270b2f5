"""The guest's server: frames in, replies out, many requests at a time, each under its deadline."""

from __future__ import annotations

import os
import signal
import socket
import traceback
from pathlib import Path

import anyio
from anyio.abc import ByteStream, SocketListener, TaskGroup
from pydantic import ValidationError

from .boot import Boot
from .bus import BusError
from .deadman import DeadMansSwitch, end_desktop
from .failures import RequestFailed
from .frames import Frame, FrameError, FrameReader, send_frame
from .identity import Identity
from .lease import CurrentLease
from .log import log
from .memory import watch_memory
from .operations import Desktop
from .output import pass_on
from .paths import SOCKET_PATH
from .ports import handed_in_ports, serve_port
from .processes import Processes
from .protocol import (
    OPERATIONS,
    PROTOCOL_VERSION,
    Adopt,
    Failure,
    Hello,
    HelloReply,
    Message,
    Nothing,
    Reply,
    Request,
)
from .session import Session

_MAX_REQUESTS = 256
_FRAME_S = 60.0
_MAX_LOGGED = 500


def serve(boot: Boot) -> int:
    """Serve until the desktop ends."""
    anyio.run(_serve, boot)
    return 0


async def _serve(boot: Boot) -> None:
    switch = DeadMansSwitch(boot.settings.boot_ttl_s, boot.settings.lifetime_s)
    processes = Processes(boot.programs_output)
    session = Session(boot, processes)
    server = _Server(session, processes, CurrentLease(switch))
    async with await _listen() as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal)
        tasks.start_soon(pass_on, boot.output)
        tasks.start_soon(server.start)
        if boot.settings.memory:
            tasks.start_soon(watch_memory, boot.settings.memory)
        for port in handed_in_ports():
            tasks.start_soon(serve_port, port, server.connected_to_port)
        log("listening")
        await listener.serve(server.connected)


async def _listen() -> SocketListener:
    """On the socket the backend handed in, or on one of our own."""
    if handed_in := os.environ.get("DESKSWARM_LISTEN_FD"):
        return await SocketListener.from_socket(socket.socket(fileno=int(handed_in)))
    Path(SOCKET_PATH).parent.mkdir(mode=0o700, exist_ok=True)
    return await anyio.create_unix_listener(SOCKET_PATH, mode=0o600)


async def _end_on_signal() -> None:
    """Process 1 dies of no signal that it does not ask for."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            end_desktop(signal.Signals(number).name, 0)


class _Server:
    """What all connections share: the session, the lease, and the desktop once it is up."""

    def __init__(self, session: Session, processes: Processes, lease: CurrentLease) -> None:
        self._session = session
        self._processes = processes
        self._identity = Identity()
        self._desktop: Desktop | None = None
        self.lease = lease

    async def start(self) -> None:
        """Bring the session up, and have applications ready to say what they show."""
        await self._session.start()
        try:
            await (await self._ready_desktop()).accessibility.connect()
        except (RequestFailed, BusError, OSError) as error:
            log(f"not ready: {error}")

    async def connected(self, stream: ByteStream) -> None:
        async with stream:
            await _Connection(self, stream).serve()

    async def connected_to_port(self, stream: ByteStream) -> None:
        """Only the host holds the other end of a port."""
        async with stream:
            await _Connection(self, stream, is_host=True).serve()

    async def carry_out(self, request: Request, attachment: bytes, *, is_host: bool) -> tuple[Message, bytes]:
        """Raises RequestFailed, or ValidationError for wrong arguments."""
        operation = OPERATIONS.get(request.op)
        if operation is None:
            raise RequestFailed("bad_request", f"op: {request.op!r} is not known")
        args = operation.args.model_validate(request.args)
        if isinstance(args, Hello):
            return await self._hello(args), b""
        if isinstance(args, Adopt):
            return await self._adopt(args, is_host=is_host), b""
        self.lease.check(request.lease)
        if request.op == "shutdown":
            return Nothing(), b""
        return await (await self._ready_desktop()).handlers[request.op](args, attachment)

    async def release(self, token: str) -> None:
        """Let go of what the holder of a lease holds, unless another has taken over since."""
        if self._desktop is not None and token == self.lease.token:
            await self._desktop.release()

    def pending(self) -> str:
        """What a request may still be waiting for."""
        phases = self._session.pending()
        return f"; the desktop is still starting: {phases}" if phases else ""

    async def _hello(self, hello: Hello) -> HelloReply:
        replaced = self.lease.install(hello)
        desktop = await self._ready_desktop()
        self.lease.switch.set_ttl(hello.ttl_s)  # Until here, the time to start counts.
        if replaced:
            await desktop.release()
        display = self._session.display
        return HelloReply(version=PROTOCOL_VERSION, width=display.width, height=display.height)

    async def _adopt(self, adopt: Adopt, *, is_host: bool) -> Nothing:
        if not is_host:
            raise RequestFailed("bad_request", "adopt: only on a virtual machine's port")
        await self._identity.adopt(adopt)
        self.lease.end_all()
        self.lease.switch.begin(adopt.lifetime_s)
        if self._desktop is not None:
            await self._desktop.release()
        return Nothing()

    async def _ready_desktop(self) -> Desktop:
        await self._session.wait_ready()
        if self._desktop is None:
            self._desktop = Desktop(self._session, self._processes)
        return self._desktop


class _Connection:
    """One stream: reads frames, answers each in a task of its own."""

    def __init__(self, server: _Server, stream: ByteStream, *, is_host: bool = False) -> None:
        self._server = server
        self._is_host = is_host
        self._stream = stream
        self._sending = anyio.Lock()
        self._requests = 0
        self._token = ""

    async def serve(self) -> None:
        """Until the peer closes, or sends what is no frame or no request."""
        reader = FrameReader(self._stream, _FRAME_S)
        try:
            async with anyio.create_task_group() as tasks:
                while True:
                    await self._take(await reader.read(), tasks)
        except* (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        except* (FrameError, ValidationError) as errors:
            log(f"connection closed: {errors.exceptions[0]}"[:_MAX_LOGGED])
        finally:
            with anyio.CancelScope(shield=True):
                await self._server.release(self._token)

    async def _take(self, frame: Frame, tasks: TaskGroup) -> None:
        """Raises ValidationError for a header that is no request: there is no id to answer to."""
        request = Request.model_validate_json(frame.header)
        if self._requests >= _MAX_REQUESTS:
            refused = Failure(kind="bad_request", message=f"more than {_MAX_REQUESTS} requests at a time")
            await self._send(Reply(id=request.id, failure=refused))
            return
        self._requests += 1
        tasks.start_soon(self._answer, request, frame.attachment)

    async def _answer(self, request: Request, attachment: bytes) -> None:
        try:
            result, data = await self._carry_out(request, attachment)
        except RequestFailed as failed:
            await self._send(Reply(id=request.id, failure=failed.failure()))
        else:
            await self._send(Reply(id=request.id, result=result.model_dump(mode="json")), data)
            if request.op == "shutdown":
                end_desktop("its holder asked for it", 0)
        finally:
            self._requests -= 1

    async def _carry_out(self, request: Request, attachment: bytes) -> tuple[Message, bytes]:
        """Raises RequestFailed, whatever went wrong."""
        try:
            with anyio.fail_after(request.deadline_s):
                answer = await self._server.carry_out(request, attachment, is_host=self._is_host)
        except TimeoutError:
            pending = self._server.pending()
            raise RequestFailed("deadline", f"not done within {request.deadline_s:g} s{pending}") from None
        except ValidationError as error:
            raise RequestFailed("bad_request", str(error.errors(include_url=False)[:3])) from None
        except RequestFailed:
            raise
        except Exception as error:  # One request's defect must not end the desktop.
            log("".join(traceback.format_exception(error)))
            raise RequestFailed("internal", f"{type(error).__name__}: {error}") from error
        self._token = request.lease or self._token
        return answer

    async def _send(self, reply: Reply, attachment: bytes = b"") -> None:
        header = reply.model_dump_json(exclude_none=True).encode()
        async with self._sending:
            await send_frame(self._stream, Frame(header, attachment))
