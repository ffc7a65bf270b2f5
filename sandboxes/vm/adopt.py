"""Telling a virtual machine that it is a copy of another, and who it is."""

from __future__ import annotations

import secrets
import time

from anyio.abc import ByteStream

from sandboxes.errors import ProtocolError
from sandboxes.guest.frames import FrameReader, send_frame
from sandboxes.guest.protocol import Adopt, Failure
from sandboxes.wire import failure_error, parse_reply, read_answer, request_frame

_NUMBER = 1


async def adopt(stream: ByteStream, hostname: str, lifetime_s: float, timeout: float) -> None:
    """On a new connection to a port, before any `hello`: from here on the machine is one of its own, with
    this host's time, and random numbers that no other copy will see; whoever held it holds it no more.

    Raises ProtocolError, InfraError and
    InfraError, FrameError, and what a stream raises at its end.
    """
    args = Adopt(
        hostname=hostname,
        machine_id=secrets.token_hex(16),
        time_ns=time.time_ns(),
        seed=secrets.token_hex(32),
        lifetime_s=lifetime_s,
    )
    await send_frame(stream, request_frame(_NUMBER, "adopt", "", timeout, args, b""))
    frame = await FrameReader(stream).read()
    reply = parse_reply(frame.header)
    if reply.id != _NUMBER:
        raise ProtocolError(f"a reply to request {reply.id}, which nobody made")
    answer = read_answer("adopt", reply, frame.attachment)
    if isinstance(answer, Failure):
        raise failure_error("adopt", answer)
