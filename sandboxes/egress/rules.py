"""Where a connection may go: the policy, and what names stand for at this moment."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from anyio import CapacityLimiter, to_thread

from sandboxes.egress.endpoint import (
    NAME_OF_THIS_MACHINE,
    THIS_MACHINE,
    Endpoint,
    IpAddress,
    is_public,
    parse_entry,
    to_address,
)

_LOOKUPS = 4
_MAX_ADDRESSES = 8
_LOOPBACK = [address for text in ("127.0.0.1", "::1") if (address := to_address(text))]

Lookup = Callable[[str], Awaitable[list[IpAddress]]]


@dataclass(eq=False)
class Refused(Exception):
    """A connection that the proxy does not make, and why; `add` is the entry that would allow it, if any."""

    reason: str
    status: int = 403
    add: Endpoint | None = None


@dataclass(slots=True)
class Lookups:
    """Names looked up on this machine; a desktop's slow ones hold up only its own."""

    _limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_LOOKUPS))

    async def __call__(self, name: str) -> list[IpAddress]:
        """Raises OSError where there is no such name."""
        return await to_thread.run_sync(_look_up, name, limiter=self._limiter, abandon_on_cancel=True)


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy, as it is applied."""

    allow: tuple[Endpoint, ...]
    look_up: Lookup

    @classmethod
    def of(cls, entries: Iterable[str], look_up: Lookup | None = None) -> Rules:
        """Raises ValueError for an entry that is none."""
        return cls(tuple(map(parse_entry, entries)), look_up or Lookups())

    async def addresses(self, wanted: Endpoint) -> list[IpAddress]:
        """What to connect to, and nothing else: a second lookup might answer otherwise. Raises Refused."""
        if not any(entry.covers(wanted) for entry in self.allow):
            raise Refused(f"{_shown(wanted)} is not on this desktop's list of allowed hosts", add=wanted)
        if wanted.host == THIS_MACHINE:
            return _LOOPBACK
        if wanted.address:
            return [wanted.address]
        try:
            found = await self.look_up(wanted.host)
        except OSError:
            raise Refused(f"there is no host {wanted.host}", 502) from None
        return self._usable(wanted, found)

    def _usable(self, wanted: Endpoint, found: list[IpAddress]) -> list[IpAddress]:
        """Without those that are not public and not listed themselves."""
        endpoints = [Endpoint(str(address), wanted.port) for address in found[:_MAX_ADDRESSES]]
        usable = [one for one in endpoints if one in self.allow or (one.address and is_public(one.address))]
        if not usable:
            hidden = endpoints[0]
            reason = f"{wanted} leads to {hidden.host}, which is not public, and not listed itself"
            raise Refused(reason, add=hidden)
        return [one.address for one in usable if one.address]


def _shown(wanted: Endpoint) -> str:
    return f"{NAME_OF_THIS_MACHINE}:{wanted.port}" if wanted.host == THIS_MACHINE else str(wanted)


def _look_up(name: str) -> list[IpAddress]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    addresses = [to_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not (usable := [address for address in addresses if address]):
        raise OSError(f"{name}: no addresses")
    return usable
