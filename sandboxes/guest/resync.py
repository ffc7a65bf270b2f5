"""How connections follow one another on a port that has no beginning and no end of its own. Both ends.

A virtual machine's port is one endless stream: bytes of a connection that is gone may still be on their way,
and after a restore the guest cannot tell that the host is another. So the host begins a connection with an
opening, an escape and a nonce, which the guest sends back. What the host sends is escaped: an opening is one
wherever it stands. The host drops what comes before its own nonce.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

NONCE_BYTES = 32
_ESCAPE = b"\xfc"
_ESCAPED = _ESCAPE + b"\x00"
_OPENS = _ESCAPE + b"\x01"
_OPENING = re.compile(re.escape(_OPENS) + b"([0-9a-f]{%d})" % NONCE_BYTES)
_UNFINISHED = re.compile(re.escape(_ESCAPE) + rb"(\x01[0-9a-f]{0,%d})?\Z" % (NONCE_BYTES - 1))


@dataclass(frozen=True, slots=True)
class Opening:
    """A new connection begins; what was before is over."""

    nonce: bytes

    def encode(self) -> bytes:
        return _OPENS + self.nonce


def new_opening() -> Opening:
    return Opening(secrets.token_hex(NONCE_BYTES // 2).encode())


def escape(data: bytes | memoryview) -> bytes:
    """Data as it travels from host to guest."""
    return bytes(data).replace(_ESCAPE, _ESCAPED)


class Unescaper:
    """Takes what arrives in pieces of any size; gives data and openings in their order."""

    def __init__(self) -> None:
        self._unfinished = b""

    def feed(self, data: bytes) -> Iterator[bytes | Opening]:
        whole = self._unfinished + data
        unfinished = _UNFINISHED.search(whole)
        end = unfinished.start() if unfinished else len(whole)
        self._unfinished = whole[end:]
        start = 0
        for found in _OPENING.finditer(whole, 0, end):
            yield from _plain(whole[start : found.start()])
            yield Opening(found[1])
            start = found.end()
        yield from _plain(whole[start:end])


def _plain(escaped: bytes) -> Iterator[bytes]:
    if escaped:
        yield escaped.replace(_ESCAPED, _ESCAPE)
