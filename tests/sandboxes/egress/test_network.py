"""The network of real desktops: what is listed, and nothing else."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from sandboxes.desktop import Desktop
from sandboxes.egress.proxy import EgressRecord
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Network

pytestmark = pytest.mark.anyio

MIB = 1 << 20
GET = "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1], timeout=60).read())"
TUNNEL = """
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", 3128, timeout=60)
c.set_tunnel(sys.argv[1], int(sys.argv[2]))
c.request("POST", "/tunnelled", body=sys.stdin.buffer.read())
sys.stdout.buffer.write(c.getresponse().read())
"""


async def answer(stream: SocketStream) -> None:
    """One request: a page with its path and how long its body was, or the eight megabytes it asks for."""
    received = b""
    async with stream:
        while b"\r\n\r\n" not in received:
            received += await stream.receive()
        head, _, body = received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", 0))
        while len(body) < length:
            body += await stream.receive()
        path = head.split()[1]
        page = b"x" * (8 * MIB) if path == b"/big" else b"<title>%s %d</title>" % (path, len(body))
        await stream.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (len(page), page)
        )


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    """Of a web server on this machine."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


class Networked:
    """A desktop that may reach the web server, and `rebound.example` on the same port."""

    def __init__(self, desktop: Desktop, records: list[EgressRecord], port: int) -> None:
        self.desktop = desktop
        self.records = records
        self.port = port
        self.here = f"http://host.internal:{port}"

    async def get(self, url: str) -> tuple[str, str]:
        """What a program there gets, and what it complains of."""
        result = await self.desktop.exec(["python3", "-c", GET, url])
        return result.stdout.decode(), result.stderr.decode()


@asynccontextmanager
async def networked(host: Host, backend: str, port: int, image: str = "slim") -> AsyncIterator[Networked]:
    records: list[EgressRecord] = []

    async def record(one: EgressRecord) -> None:
        records.append(one)

    network = Network(allow=(f"localhost:{port}", f"rebound.example:{port}"))
    spec = DesktopSpec(image=image, network=network)
    async with await host.start(spec, backend=backend, holder="test", on_connection=record) as desktop:
        yield Networked(desktop, records, port)


@pytest.fixture(scope="module")
async def shared(host: Host, backend: str, port: int) -> AsyncIterator[Networked]:
    async with networked(host, backend, port) as made:
        yield made


async def test_a_page_that_is_allowed(shared: Networked) -> None:
    assert (await shared.get(f"{shared.here}/page"))[0] == "<title>/page 0</title>"


async def test_a_tunnel_that_is_allowed(shared: Networked) -> None:
    command = ["python3", "-c", TUNNEL, "host.internal", str(shared.port)]
    result = await shared.desktop.exec(command, stdin=b"x" * (8 * MIB))
    assert result.stdout == b"<title>/tunnelled %d</title>" % (8 * MIB)


async def test_many_megabytes(shared: Networked) -> None:
    size = "import sys, urllib.request as u; print(len(u.urlopen(sys.argv[1]).read()))"
    result = await shared.desktop.exec(["python3", "-c", size, f"{shared.here}/big"])
    assert int(result.stdout) == 8 * MIB


async def test_a_page_that_is_not(shared: Networked) -> None:
    _, complaint = await shared.get("http://example.org/")
    assert "403: example.org:80 is not on this desktop's list" in complaint
    _, complaint = await shared.get("https://example.org/")
    assert "403 example.org:443 is not on this desktop's list" in complaint
    _, complaint = await shared.get(f"http://host.internal:{shared.port + 1}/")
    assert "403" in complaint


async def test_a_name_that_leads_home_is_refused(shared: Networked, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def rebound(name: Any, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if name == "rebound.example" else name, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    _, complaint = await shared.get(f"http://rebound.example:{shared.port}/")
    assert "leads to 127.0.0.1, which is not public" in complaint


async def test_there_is_no_other_way_out(shared: Networked) -> None:
    for address in (("127.0.0.1", shared.port), ("192.0.2.1", 80)):
        probe = f"import socket; socket.create_connection({address}, 5)"
        assert (await shared.desktop.exec(["python3", "-c", probe])).exit_code != 0
    interfaces = (await shared.desktop.exec(["cat", "/proc/net/dev"])).stdout.decode()
    assert [line.split(":")[0].strip() for line in interfaces.splitlines()[2:]] == ["lo"]


async def test_it_goes_on_after_a_handover(host: Host, backend: str, port: int) -> None:
    async with networked(host, backend, port) as made:
        new = await made.desktop.hand_over("next")
        async with new:
            result = await new.exec(["python3", "-c", GET, f"{made.here}/handed"])
            assert result.stdout == b"<title>/handed 0</title>"
    assert [(one.host, one.port, one.allowed) for one in made.records] == [("localhost", port, True)]


async def test_every_connection_is_told_of(host: Host, backend: str, port: int) -> None:
    async with networked(host, backend, port) as made:
        await made.get(f"{made.here}/told")
        await made.get("http://example.net:8080/")
    refused, allowed = sorted(made.records, key=lambda record: record.host)
    assert (allowed.host, allowed.port, allowed.address) == ("localhost", port, "127.0.0.1")
    assert (allowed.allowed, allowed.reason) == (True, "")
    assert allowed.sent > 50
    assert allowed.received > 50
    assert (refused.host, refused.port, refused.allowed, refused.sent) == ("example.net", 8080, False, 0)


async def test_chromium(host: Host, backend: str, port: int, needs_image: Callable[[str], None]) -> None:
    needs_image("desktop")
    async with networked(host, backend, port, "desktop") as made, made.desktop.browser(timeout=60) as browser:
        page = browser.contexts[0].pages[0]
        await page.goto(f"{made.here}/seen")
        assert await page.title() == "/seen 0"
        refused = await page.goto("http://example.org/")
        assert refused is not None
        assert refused.status == 403
        assert '- "example.org:80"' in await page.content()


async def test_without_a_network_there_is_no_proxy(desktop: Desktop) -> None:
    assert b"proxy" not in (await desktop.exec(["env"])).stdout
    probe = "import socket; socket.create_connection(('127.0.0.1', 3128), 5)"
    result = await desktop.exec(["python3", "-c", probe])
    assert b"ConnectionRefusedError" in result.stderr
