"""What programs say to a proxy, read, and what it answers when it does not do it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from http import HTTPStatus

from sandboxes.egress.endpoint import Endpoint, parse_endpoint
from sandboxes.egress.rules import Refused

MAX_HEAD_BYTES = 32 << 10
END_OF_HEAD = b"\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_REQUEST_LINE = re.compile(rb"([A-Z-]{1,20}) ([!-~]+) HTTP/1\.[01]")
_URL = re.compile(rb"http://([^/?#@]+)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[^\r\n\0]*")
# Those that are about the connection to the proxy, and the host, which the address of the request rules.
_NOT_PASSED_ON = frozenset(
    {
        *(b"connection", b"host", b"http2-settings", b"keep-alive", b"proxy-authorization"),
        *(b"proxy-connection", b"te", b"upgrade"),
    }
)


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """Where a program wants to go. `tunnel`: it speaks for itself once it is connected; else `head` is the
    head of its request, to be sent there."""

    target: Endpoint
    tunnel: bool
    head: bytes = b""


def parse_request(head: bytes) -> ProxyRequest:
    """The head of a request without the blank line at its end. Raises Refused."""
    line, *headers = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None or not all(map(_HEADER.fullmatch, headers)):
        raise Refused("this is not an HTTP request", 400)
    method, target = match.groups()
    if method == b"CONNECT":
        return ProxyRequest(_endpoint(target), tunnel=True)
    url = _URL.fullmatch(target)
    if url is None:
        raise Refused("this proxy wants CONNECT HOST:PORT, or a request for a whole http:// URL", 400)
    authority, path, query = url.groups(b"")
    passed_on = [header for header in headers if header.partition(b":")[0].lower() not in _NOT_PASSED_ON]
    lines = [b"%s %s%s HTTP/1.1" % (method, path or b"/", query), b"Host: %s" % authority, *passed_on]
    # One request for each connection: the next one may be for another host, and has to be judged again.
    rewritten = b"\r\n".join([*lines, b"Connection: close"]) + END_OF_HEAD
    return ProxyRequest(_endpoint(authority, default_port=80), tunnel=False, head=rewritten)


def refusal(refused: Refused) -> bytes:
    """A page that says why, and what to write in the swarm file."""
    reason = html.escape(refused.reason)
    page = f"<!doctype html><title>Not reached</title>\n<h1>Not reached</h1>\n<p>{reason}.</p>\n"
    if refused.add:
        line = f"desktop:\n  network:\n    allow:\n      - &quot;{refused.add}&quot;"
        page += f"<p>To allow it, add this to the task in the swarm file:</p>\n<pre>\n{line}\n</pre>\n"
    status = f"HTTP/1.1 {refused.status} {_phrase(refused)}"
    fields = ("Content-Type: text/html; charset=utf-8", f"Content-Length: {len(page)}", "Connection: close")
    return "\r\n".join([status, *fields, "", page]).encode("ascii", "replace")


def _phrase(refused: Refused) -> str:
    """Many programs show nothing else of what a proxy answers to CONNECT."""
    return refused.reason if refused.add else HTTPStatus(refused.status).phrase


def _endpoint(authority: bytes, default_port: int | None = None) -> Endpoint:
    text = authority.decode("ascii", "replace")
    if default_port and not re.search(r":[0-9]*$", text):
        text = f"{text}:{default_port}"
    try:
        return parse_endpoint(text)
    except ValueError as error:
        raise Refused(str(error), 400) from None
