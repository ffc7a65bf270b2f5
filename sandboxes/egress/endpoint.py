"""Hosts with their ports, as a policy lists them and as programs ask for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

THIS_MACHINE = "localhost"
"""In a policy: the machine that the proxy runs on."""
NAME_OF_THIS_MACHINE = "host.internal"
"""What programs call it, as `localhost` is the desktop itself to them."""

IpAddress = IPv4Address | IPv6Address
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_NAT64 = "64:ff9b::"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and its port. The host is a name in lower case, an IP address in its shortest form, or, in a
    policy, `*.` and a name: all that end in it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> IpAddress | None:
        """The host, where it is an IP address."""
        return to_address(self.host)

    def covers(self, wanted: Endpoint) -> bool:
        """Whether this entry of a policy is about the endpoint that a program wants."""
        if self.port != wanted.port:
            return False
        return wanted.host.endswith(self.host[1:]) if self.host[0] == "*" else wanted.host == self.host


def parse_entry(text: str) -> Endpoint:
    """An entry of a policy. Raises ValueError that says how to write it."""
    if "://" in text:
        raise ValueError(f"{text[:80]!r} is a URL; write its host and port only, as 'example.org:443'")
    if not text.startswith("*"):
        return parse_endpoint(text)
    suffix = parse_endpoint(text[2:]) if text.startswith("*.") else None
    if suffix is None or "." not in suffix.host or suffix.address:
        raise ValueError(f"{text[:80]!r} is too wide; write a domain, as '*.example.org:443'")
    return Endpoint(f"*.{suffix.host}", suffix.port)


def parse_endpoint(text: str) -> Endpoint:
    """`HOST:PORT`, where an IPv6 address is in brackets. Raises ValueError that says how to write it."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        raise ValueError(f"{text[:80]!r} names no port; write HOST:PORT, as 'example.org:443'")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"{text[:80]!r}: a port is a number from 1 to 65535")
    return Endpoint(_host(host), int(port))


def to_address(text: str) -> IpAddress | None:
    """An IPv4 address in the shape of IPv6 is that IPv4 address. None for a name."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def is_public(address: IpAddress) -> bool:
    """Whether it is a single host on the public Internet, also where IPv6 only wraps an IPv4 address."""
    return address.is_global and not address.is_multicast and all(map(is_public, _inside(address)))


def _inside(address: IpAddress) -> list[IPv4Address]:
    """The IPv4 addresses that gateways make of an IPv6 address."""
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address.packed.startswith(IPv6Address(_NAT64).packed[:12]):
        found.append(IPv4Address(address.packed[12:]))
    return [one for one in found if one is not None]


def _host(text: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        inner = to_address(text[1:-1])
        if inner is None or ":" not in text or "%" in text:
            raise ValueError(f"{text[:80]!r} is not an IPv6 address")
        return str(inner)
    if ":" in text:
        raise ValueError(f"{text[:80]!r}: an IPv6 address stands in brackets, as '[2001:db8::1]:443'")
    if (address := to_address(text)) is not None:
        return str(address)
    name = text.lower().removesuffix(".")
    if not _NAME.fullmatch(name) or _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise ValueError(f"{text[:80]!r} is neither a host name (letters a-z, digits, `-`) nor an IP address")
    return THIS_MACHINE if name == NAME_OF_THIS_MACHINE else name
