"""The network a task asks for: what is listed is reached, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream

from sandboxes.background import background
from sandboxes.conformance.subject import Subject, expect, needs, raises, refused, shell
from sandboxes.errors import InputError

_GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=100).read().decode())"
_PAGE = "conforming"


@needs("real")
async def what_is_listed_is_reached(subject: Subject) -> str:
    async with _serving() as port:
        desktop = await subject.fresh(network={"allow": [f"localhost:{port}"]})
        page = await shell(desktop, f'python3 -c "{_GET}" http://host.internal:{port}/')
        expect(page == _PAGE, page)
        other = await refused(desktop, f'python3 -c "{_GET}" http://host.internal:{port + 1}/')
        expect("403" in other, other)
        outside = await refused(desktop, f'python3 -c "{_GET}" https://example.org/')
        expect("403 example.org:443 is not on this desktop" in outside, outside)
        probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        await refused(desktop, f'python3 -c "{probe}"')
    return outside.strip().splitlines()[-1]


@needs("real")
async def without_a_list_there_is_no_way_out(subject: Subject) -> str:
    desktop = await subject.fresh()
    proxies = await shell(desktop, "env | grep -i _proxy || true")
    expect(proxies == "", proxies)
    probe = "import socket; socket.create_connection(('127.0.0.1', 3128), 5)"
    complaint = await refused(desktop, f'python3 -c "{probe}"')
    expect("ConnectionRefusedError" in complaint, complaint)
    return complaint.strip().splitlines()[-1]


async def who_runs_no_programs_refuses_a_list(subject: Subject) -> str:
    if subject.capabilities.real:
        return "it runs programs"
    return await raises(InputError, subject.fresh(network={"allow": ["example.org:443"]}))


@asynccontextmanager
async def _serving() -> AsyncIterator[int]:
    """The port of a web server on this machine."""

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(f"HTTP/1.0 200 OK\r\nContent-Length: {len(_PAGE)}\r\n\r\n{_PAGE}".encode())

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, background(lambda: listener.serve(answer)):
        yield listener.extra(SocketAttribute.local_port)
