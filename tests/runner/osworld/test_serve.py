"""`deskswarm osworld serve`: its addresses, its token, and that nothing stays behind however it ends."""

from __future__ import annotations

import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from runner.cli.osworld import TOKEN
from sandboxes.deadline import Pace
from sandboxes.host import Host
from tests.runner.cli.command import COMMAND, PATIENCE_S

pytestmark = pytest.mark.anyio

Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve(home: Path, bubblewrap: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts the command. Two desktops of it at most, and small."""
    monkeypatch.setenv("DESKSWARM_HOME", str(home))
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [COMMAND, "osworld", "serve", "--image", "slim", *options]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ask(server: str, token: str | None = None) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{server}/platform")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def server_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ip, server, chromium, vnc, vlc = process.stdout.readline().strip().split(":")
    assert (ip, vnc) == ("127.0.0.1", "0")
    assert int(chromium) != int(vlc)
    return server


async def seats(host: Host, servers: set[str]) -> set[str]:
    return servers & {desktop.labels.get("seat", "") for desktop in await host.desktops()}


async def all_gone(host: Host, servers: set[str]) -> None:
    pace = Pace()
    with anyio.fail_after(PATIENCE_S):
        while await seats(host, servers):
            await pace.wait()


async def test_a_token_is_made_and_all_ends_with_a_signal(host: Host, serve: Serve) -> None:
    process = serve("--count", "2")
    assert process.stderr is not None
    token = process.stderr.readline().removeprefix("token: ").strip()
    servers = {server_of(process), server_of(process)}
    assert await seats(host, servers) == servers
    for server in servers:
        assert ask(server) == 401
        assert ask(server, token) == 200
    process.send_signal(signal.SIGTERM)
    _, stderr = await anyio.to_thread.run_sync(process.communicate)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in stderr
    assert await seats(host, servers) == set()


async def test_it_ends_with_its_input(host: Host, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "mine")
    process = serve("--until-eof")
    server = server_of(process)
    assert ask(server, "mine") == 200
    stdout, stderr = await anyio.to_thread.run_sync(process.communicate)
    assert (process.returncode, stdout, stderr) == (0, "", "")
    assert await seats(host, {server}) == set()


async def test_killed_it_leaves_no_desktop(host: Host, serve: Serve) -> None:
    process = serve("--no-token")
    server = server_of(process)
    assert ask(server) == 200
    process.kill()
    await all_gone(host, {server})


def test_bad_options_are_told(home: Path, bubblewrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKSWARM_HOME", str(home))
    for options, told in (
        (("--image", "nowhere"), "nowhere"),
        (("--until-eof",), "--until-eof: standard input"),
    ):
        done = subprocess.run(
            [COMMAND, "osworld", "serve", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert told in done.stderr
        assert "Traceback" not in done.stderr
