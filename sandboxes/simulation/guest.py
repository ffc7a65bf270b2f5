"""The guest of a simulated desktop: takes frames of the protocol, and says what to answer and when.

It has no thread, task or process of its own. All it does happens when bytes arrive, and an answer
that takes time is one that is due later; a thousand of them cost only their memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import NamedTuple

from pydantic import ValidationError

from sandboxes.guest.frames import Frame
from sandboxes.guest.protocol import (
    OPERATIONS,
    PROTOCOL_VERSION,
    Failure,
    Hello,
    HelloReply,
    Nothing,
    Reply,
    Request,
)
from sandboxes.simulation.files import NoSuchFile
from sandboxes.simulation.operations import Answer, Handler, Operations, Refused
from sandboxes.simulation.settings import Fault, Simulation
from sandboxes.spec import DesktopSpec

BOOT_TTL_S = 30.0
_NONSENSE = Frame(b"\x00 not of the protocol")


class Due(NamedTuple):
    """A frame for the host, and how long after its request it is due."""

    after_s: float
    frame: Frame


class _Died(Exception):
    """The desktop died in the middle of a request."""


class SimulatedGuest:
    """One desktop. `fault` befalls it when its time comes; each of `on_end` is called once, when it ends."""

    def __init__(
        self, spec: DesktopSpec, simulation: Simulation, fault: Fault | None, random: Random
    ) -> None:
        self._screen = spec.screen
        self._simulation = simulation
        self._lifetime_s = spec.limits.lifetime_s
        self._log: deque[str] = deque(maxlen=200)
        self._begin(fault, random)
        self._handlers: dict[str, Handler] = {
            **Operations(spec, self._before_input).handlers,
            "hello": self._hello,
            "heartbeat": lambda _args, _data: Answer(Nothing()),
            "shutdown": self._shutdown,
        }

    def _begin(self, fault: Fault | None, random: Random) -> None:
        self._fault = fault
        self._random = random
        self._epoch, self._token = 0, ""
        self._actions = 0
        self._started = self._last_word = time.monotonic()
        self._ttl_s = BOOT_TTL_S
        self._ended = False
        self.on_end: list[Callable[[], None]] = []

    def copy(self, fault: Fault | None, random: Random) -> SimulatedGuest:
        """Another desktop that shows and holds what this one does now, and has no holder yet."""
        streams = {id(self.on_end): list[Callable[[], None]]()}  # they stay with this one
        twin = deepcopy(self, streams)
        twin._begin(fault, random)  # noqa: SLF001 (one of its own kind)
        return twin

    # --- its life

    @property
    def ended(self) -> bool:
        """True once it died, was shut down, or ran out of its lifetime or of words from its holder."""
        if not self._ended and time.monotonic() >= self.expires_at:
            self.end("expired")
        return self._ended

    @property
    def expires_at(self) -> float:
        """When, on the monotonic clock, it ends by itself."""
        return min(self._last_word + self._ttl_s, self._started + self._lifetime_s)

    @property
    def log(self) -> str:
        return "".join(f"{line}\n" for line in self._log)

    def end(self, why: str) -> None:
        if not self._ended:
            self._ended = True
            self._log.append(f"ended: {why}")
            for tell in self.on_end:
                tell()

    # --- one request

    def receive(self, frame: Frame) -> Due | None:
        """Carry out a request. None where no answer comes; a frame that is no request ends the desktop."""
        try:
            request = Request.model_validate_json(frame.header)
        except ValidationError:
            self.end("received a frame that is not a request")
            return None
        self._last_word = time.monotonic()
        try:
            reply, attachment, takes_s = self._reply(request, frame.attachment)
        except _Died:
            self.end("died, as its simulation says")
            return None
        if self._struck_by("freeze"):
            return None
        if self._struck_by("nonsense"):
            return Due(takes_s, _NONSENSE)
        return Due(takes_s, Frame(reply.model_dump_json().encode(), attachment))

    def _reply(self, request: Request, data: bytes) -> tuple[Reply, bytes, float]:
        try:
            answer = self._carry_out(request, data)
        except Refused as refused:
            failure = Failure(kind=refused.kind, message=refused.message[:4000])
            self._log.append(f"{request.op}: {refused.kind}")
            return Reply(id=request.id, failure=failure), b"", 0.0
        takes_s = answer.takes_s + self._simulation.delay_of(request.op, self._random)
        if takes_s > request.deadline_s:
            failure = Failure(kind="deadline", message=f"{request.op} took over {request.deadline_s} s")
            return Reply(id=request.id, failure=failure), b"", request.deadline_s
        self._log.append(request.op)
        return Reply(id=request.id, result=answer.result.model_dump(mode="json")), answer.attachment, takes_s

    def _carry_out(self, request: Request, data: bytes) -> Answer:
        handler = self._handlers.get(request.op)
        if handler is None:
            raise Refused("bad_request", f"{request.op}: not an operation of a simulated desktop")
        if request.op != "hello" and request.lease != self._token:
            raise Refused("stale_lease", "the lease is not the desktop's current one")
        try:
            arguments = OPERATIONS[request.op].args.model_validate(request.args)
        except ValidationError as error:
            raise Refused("bad_request", f"{request.op}: {error}") from None
        try:
            return handler(arguments, data)
        except NoSuchFile as error:
            raise Refused("file_error", str(error)) from None
        except LookupError as error:
            raise Refused("not_found", str(error.args[0])) from None

    # --- operations of its life

    def _hello(self, hello: Hello, _data: bytes) -> Answer:
        if hello.version != PROTOCOL_VERSION:
            raise Refused("bad_request", f"protocol version {hello.version} is not {PROTOCOL_VERSION}")
        if hello.epoch <= self._epoch and hello.token != self._token:
            raise Refused("stale_lease", f"epoch {hello.epoch} is not after {self._epoch}")
        self._epoch, self._token, self._ttl_s = hello.epoch, hello.token, hello.ttl_s
        size = {"width": self._screen.width, "height": self._screen.height}
        return Answer(HelloReply(version=PROTOCOL_VERSION, **size))

    def _shutdown(self, _args: Nothing, _data: bytes) -> Answer:
        self.end("shut down")
        return Answer(Nothing())

    def _before_input(self) -> None:
        self._actions += 1
        if self._struck_by("die"):
            raise _Died

    def _struck_by(self, what: str) -> bool:
        return self._fault is not None and self._fault.what == what and self._actions >= self._fault.at_action
