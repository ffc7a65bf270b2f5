"""Requests as they are sent, and replies checked as they come in."""

from __future__ import annotations

from pydantic import ValidationError

from sandboxes.errors import (
    ActionFailed,
    DeadlineExceeded,
    DeskswarmError,
    FileError,
    GuestError,
    InfraError,
    InputError,
    ProtocolError,
    StaleLease,
)
from sandboxes.guest.frames import MAX_ATTACHMENT_BYTES, MAX_HEADER_BYTES, Frame
from sandboxes.guest.protocol import (
    MAX_CHUNK_BYTES,
    MAX_CLIPBOARD_BYTES,
    MAX_OUTPUT_BYTES,
    MAX_TREE_BYTES,
    OPERATIONS,
    ErrorKind,
    Failure,
    Message,
    Reply,
    Request,
)
from sandboxes.inputs import checked

# What the attachment of a reply may measure; nothing where the operation is not listed.
_REPLY_BYTES = {
    "screenshot": MAX_ATTACHMENT_BYTES,
    "tree": MAX_TREE_BYTES,
    "observe": MAX_ATTACHMENT_BYTES,
    "exec": 2 * MAX_OUTPUT_BYTES,
    "file.read": MAX_CHUNK_BYTES,
    "clipboard.read": MAX_CLIPBOARD_BYTES,
    "tunnel.read": MAX_CHUNK_BYTES,
}

_ERRORS: dict[ErrorKind, type[DeskswarmError]] = {
    "bad_request": GuestError,
    "stale_lease": StaleLease,
    "action_failed": ActionFailed,
    "file_error": FileError,
    "not_found": GuestError,
    "deadline": DeadlineExceeded,
    "internal": InfraError,
}


def request_frame(
    number: int, op: str, token: str, timeout: float, args: Message, attachment: bytes
) -> Frame:
    """Raises InputError for a request over the protocol's limits."""
    request = checked(
        Request, id=number, op=op, lease=token, deadline_s=timeout, args=args.model_dump(mode="json")
    )
    header = request.model_dump_json().encode()
    if len(header) > MAX_HEADER_BYTES or len(attachment) > MAX_ATTACHMENT_BYTES:
        raise InputError(f"{op}: {len(header)} + {len(attachment)} bytes are too many for one request")
    return Frame(header, attachment)


def parse_reply(header: bytes) -> Reply:
    """Raises ProtocolError."""
    try:
        reply = Reply.model_validate_json(header)
    except ValidationError as error:
        raise ProtocolError(f"not a reply: {first_error(error)}") from None
    if (reply.result is None) == (reply.failure is None):
        raise ProtocolError("a reply must hold either a result or a failure")
    return reply


def read_answer(op: str, reply: Reply, attachment: bytes) -> tuple[Message, bytes] | Failure:
    """What the reply says to a request of this operation. Raises ProtocolError."""
    if reply.failure is not None:
        return reply.failure
    if len(attachment) > _REPLY_BYTES.get(op, 0):
        raise ProtocolError(f"{op}: an attachment of {len(attachment)} bytes")
    try:
        return OPERATIONS[op].result.model_validate(reply.result), attachment
    except ValidationError as error:
        raise ProtocolError(f"{op}: the result is wrong: {first_error(error)}") from None


def failure_error(op: str, failure: Failure) -> DeskswarmError:
    """The error to raise for what the guest could not do."""
    if failure.kind == "not_found" and op.startswith("file."):
        return FileError(f"{op}: {failure.message}")
    return _ERRORS[failure.kind](f"{op}: {failure.message}")


def first_problem(error: ValidationError) -> str:
    """What is wrong, and where: `actions.0.at: Field required`."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def first_error(error: ValidationError) -> str:
    """A short text, made without spelling out what may be half a million errors."""
    if error.error_count() > 10:
        return f"{error.error_count()} errors"
    return error.errors(include_url=False, include_input=False)[0]["msg"][:200]
