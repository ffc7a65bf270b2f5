"""What a policy may say, what it allows, and how a program's request is read."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from sandboxes.egress.endpoint import Endpoint, IpAddress, is_public, parse_endpoint, parse_entry, to_address
from sandboxes.egress.request import parse_request, refusal
from sandboxes.egress.rules import Refused, Rules
from sandboxes.spec import DesktopSpec, Network

pytestmark = pytest.mark.anyio

ENTRIES = {
    "example.org:443": "example.org:443",
    "Example.ORG.:80": "example.org:80",
    "*.example.org:443": "*.example.org:443",
    "10.0.0.5:8080": "10.0.0.5:8080",
    "[2001:DB8:0::1]:443": "[2001:db8::1]:443",
    "[::ffff:10.0.0.5]:80": "10.0.0.5:80",
    "localhost:8000": "localhost:8000",
    "host.internal:8000": "localhost:8000",
    "xn--bcher-kva.example:443": "xn--bcher-kva.example:443",
    "_dmarc.a-b.example:1": "_dmarc.a-b.example:1",
}
WRONG = {
    "example.org": "names no port",
    "[::1]": "names no port",
    "": "names no port",
    "https://example.org/": "is a URL",
    "example.org:https": "a port is a number",
    "example.org:0": "a port is a number",
    "example.org:65536": "a port is a number",
    "example.org:٣": "a port is a number",
    "::1:443": "stands in brackets",
    "[10.0.0.5]:80": "not an IPv6 address",
    "[fe80::1%eth0]:80": "not an IPv6 address",
    "10.0.0.0/8:80": "neither a host name",
    "127.1:80": "neither a host name",
    "0x7f000001:80": "neither a host name",
    "2130706433:80": "neither a host name",
    "010.0.0.1:80": "neither a host name",
    "bücher.example:443": "neither a host name",
    "a b:80": "neither a host name",
    "-a.example:80": "neither a host name",
    f"{'a' * 64}.example:80": "neither a host name",
    f"{'a.' * 127}b:80": "neither a host name",
    "*:443": "too wide",
    "*.org:443": "too wide",
    "*example.org:443": "too wide",
    "*.10.0.0.5:443": "too wide",
}


@pytest.mark.parametrize(("text", "kept"), ENTRIES.items())
def test_an_entry(text: str, kept: str) -> None:
    assert Network(allow=(text,)).allow == (kept,)
    assert str(parse_entry(kept)) == kept


@pytest.mark.parametrize(("text", "problem"), WRONG.items())
def test_a_wrong_entry(text: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Network(allow=(text,))


def test_a_wrong_network() -> None:
    for wrong in ("all", None, 5, ["example.org:443"]):
        with pytest.raises(ValidationError, match="write `none`, or what it may reach"):
            DesktopSpec.model_validate({"network": wrong})
    with pytest.raises(ValidationError, match="at least 1"):
        DesktopSpec.model_validate({"network": {"allow": []}})


def test_a_spec_can_be_written_and_read() -> None:
    for spec in (DesktopSpec(), DesktopSpec(network=Network(allow=("example.org:443",)))):
        assert DesktopSpec.model_validate_json(spec.model_dump_json()) == spec


ADDRESSES = {
    True: ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "2002:5db8:d822::1"),
    False: (
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1"),
        *("203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1"),
        *("64:ff9b::a00:1", "2002:7f00:1::1", "2001:0:0:0:0:0:f5ff:fffe"),
    ),
}


@pytest.mark.parametrize(
    ("text", "public"), [(text, public) for public, texts in ADDRESSES.items() for text in texts]
)
def test_addresses_of_the_public_internet(text: str, public: bool) -> None:
    assert is_public(ip_address(text)) is public


class Names:
    """A name service that answers, in turn, what it is told to."""

    def __init__(self, *answers: str) -> None:
        self.answers = [
            [found for text in answer.split() if (found := to_address(text))] for answer in answers
        ]
        self.asked: list[str] = []

    async def __call__(self, name: str) -> list[IpAddress]:
        self.asked.append(name)
        if not self.answers:
            raise socket.gaierror
        return self.answers.pop(0)


async def resolved(names: Names, wanted: str, *allow: str) -> list[str]:
    return [str(one) for one in await Rules.of(allow, names).addresses(parse_endpoint(wanted))]


async def test_what_is_listed_is_allowed() -> None:
    names = Names("93.184.216.34 2606:2800:220:1::1", "93.184.216.34", "93.184.216.34")
    assert await resolved(names, "example.org:443", "example.org:443") == [
        "93.184.216.34",
        "2606:2800:220:1::1",
    ]
    assert await resolved(names, "a.b.example.org:443", "*.example.org:443") == ["93.184.216.34"]
    assert await resolved(names, "EXAMPLE.org.:443", "example.org:443") == ["93.184.216.34"]
    assert await resolved(names, "10.0.0.5:80", "10.0.0.5:80") == ["10.0.0.5"]
    assert await resolved(names, "host.internal:80", "localhost:80") == ["127.0.0.1", "::1"]
    assert len(names.asked) == 3


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ("example.org:80", "example.org:443"),
        ("example.org:443", "*.example.org:443"),
        ("notexample.org:443", "*.example.org:443"),
        ("example.org.evil.net:443", "example.org:443"),
        ("93.184.216.34:443", "example.org:443"),
        ("localhost:80", "example.org:80"),
        ("127.0.0.1:80", "localhost:80"),
        ("[::1]:80", "127.0.0.1:80"),
    ],
)
async def test_what_is_not_listed_is_refused_unasked(wanted: str, listed: str) -> None:
    names = Names("93.184.216.34")
    with pytest.raises(Refused) as refused:
        await resolved(names, wanted, listed)
    assert refused.value.status == 403
    assert str(refused.value.add) == wanted
    assert names.asked == []


@pytest.mark.parametrize(
    "answer", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
async def test_a_name_for_a_private_address_is_refused(answer: str) -> None:
    with pytest.raises(Refused, match="not public") as refused:
        await resolved(Names(answer), "rebound.example:80", "rebound.example:80")
    assert refused.value.add == Endpoint(str(to_address(answer)), 80)


async def test_a_private_address_listed_itself() -> None:
    allow = ("wiki.example:80", "10.0.0.5:80")
    assert await resolved(Names("10.0.0.5 10.0.0.6"), "wiki.example:80", *allow) == ["10.0.0.5"]


async def test_of_a_mixed_answer_only_the_public_part_is_used() -> None:
    names = Names("127.0.0.1 93.184.216.34 ::1")
    assert await resolved(names, "mixed.example:80", "mixed.example:80") == ["93.184.216.34"]


async def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(Refused, match=r"no host nowhere\.example") as refused:
        await resolved(Names(), "nowhere.example:80", "nowhere.example:80")
    assert (refused.value.status, refused.value.add) == (502, None)


def test_a_tunnel_is_asked_for() -> None:
    request = parse_request(b"CONNECT Example.org:443 HTTP/1.1\r\nHost: whatever")
    assert (request.target, request.tunnel, request.head) == (Endpoint("example.org", 443), True, b"")


def test_a_page_is_asked_for() -> None:
    head = (
        b"GET HTTP://Example.org:8080/a?b=c HTTP/1.1\r\nHost: other.example\r\n"
        b"proxy-Connection: keep-alive\r\nConnection: keep-alive\r\nUpgrade: h2c\r\n"
        b"Accept: */*\r\nTransfer-Encoding: chunked"
    )
    request = parse_request(head)
    assert (request.target, request.tunnel) == (Endpoint("example.org", 8080), False)
    assert request.head == (
        b"GET /a?b=c HTTP/1.1\r\nHost: Example.org:8080\r\nAccept: */*\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    assert parse_request(b"GET http://a.example HTTP/1.0").head.startswith(
        b"GET / HTTP/1.1\r\nHost: a.example\r\n"
    )
    assert parse_request(b"GET http://a.example?q HTTP/1.0").head.startswith(b"GET /?q HTTP/1.1\r\n")
    assert parse_request(b"GET http://[::1]/ HTTP/1.0").target == Endpoint("::1", 80)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET",
        b"GET / HTTP/1.1",
        b"GET https://a.example/ HTTP/1.1",
        b"GET http:/// HTTP/1.1",
        b"GET http://user@a.example/ HTTP/1.1",
        b"GET http://a.example/ HTTP/2",
        b"GET http://a.example/ x HTTP/1.1",
        b"GET http://a.example/\x00 HTTP/1.1",
        b"CONNECT a.example HTTP/1.1",
        b"CONNECT http://a.example:80 HTTP/1.1",
        b"CONNECT *.example.org:443 HTTP/1.1",
        b"CONNECT a.example:443 HTTP/1.1\r\nno colon",
        b"CONNECT a.example:443 HTTP/1.1\r\nA: b\r\n folded",
        b"CONNECT a.example:443 HTTP/1.1\r\nA: b\nInjected: c",
        b"CONNECT a.example:443 HTTP/1.1\r\nA : b",
        "CONNECT ex\u00e4mple:443 HTTP/1.1".encode(),
    ],
)
def test_what_is_no_request_is_refused(head: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_request(head)
    assert refused.value.status == 400
    assert refused.value.add is None


def test_a_refusal_says_what_to_write() -> None:
    page = refusal(Refused("example.org:443 is not listed", add=Endpoint("example.org", 443)))
    head, _, body = page.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 example.org:443 is not listed\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"- &quot;example.org:443&quot;" in body
    hostile = refusal(Refused("'<script>\ufffd'", 400))
    assert hostile.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"<script>" not in hostile
