"""Who may ask, requests sent again, hostile ones, and desktops that come and go at a seat."""

from __future__ import annotations

import base64
import io
import json
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from runner.osworld.files import MAX_DEPTH
from runner.osworld.server import MAX_BODY_BYTES
from sandboxes.deadline import Pace
from sandboxes.host import Host
from tests.runner.osworld.conftest import PATIENCE_S, Client, served

pytestmark = pytest.mark.anyio


# --- who may ask --------------------------------------------------------------------------------------


async def test_only_who_has_the_token(host: Host, bubblewrap: str) -> None:
    async with served(host, bubblewrap, "slim", "s3cret") as client:
        basic = base64.b64encode(b"deskswarm:s3cret").decode()
        wrong = base64.b64encode(b"s3cret:x").decode()
        assert (await client.get("/platform", headers={"Authorization": "Bearer s3cret"})).status == 200
        assert (await client.get("/platform", headers={"Authorization": f"Basic {basic}"})).status == 200
        assert (await client.get("/platform?token=s3cret")).status == 200
        for headers in ({}, {"Authorization": f"Basic {wrong}"}, {"Authorization": "Basic \xff"}):
            assert (await client.get("/platform", headers=headers)).status == 401
        assert (await client.get("/platform?token=")).status == 401
        async with await anyio.connect_tcp("127.0.0.1", client.ports.server) as stream:
            await stream.send(b"GET /platform HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n\r\n")
            assert (await stream.receive()).startswith(b"HTTP/1.1 401")
        assert (await client.post("/deskswarm/fresh")).status == 401


async def test_without_a_token_no_web_page_gets_in(client: Client) -> None:
    assert (await client.get("/platform", headers={"Origin": "http://127.0.0.1"})).status == 403
    assert (await client.get("/platform", headers={"Host": "rebound.example.org:80"})).status == 403
    assert (await client.get("/platform", headers={"Host": "localhost"})).status == 200


# --- requests sent again ------------------------------------------------------------------------------


def as_sent(fields: Any) -> bytes:
    body = json.dumps(fields).encode()
    head = "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def send(client: Client, fields: Any) -> SocketStream:
    """A request on a connection of its own, whose answer nobody reads yet."""
    stream = await anyio.connect_tcp("127.0.0.1", client.ports.server)
    await stream.send(as_sent(fields))
    return stream


def send_and_not_read(client: Client, fields: Any) -> None:
    """Hang up when the answer is there."""
    with socket.create_connection(("127.0.0.1", client.ports.server), PATIENCE_S) as connection:
        connection.sendall(as_sent(fields))
        assert connection.recv(1, socket.MSG_PEEK)


def counting(name: str) -> dict[str, object]:
    """Counts its runs in a file, and ends when it may."""
    script = f"echo run >> ~/{name}; while [ ! -e ~/{name}-go ]; do sleep 0.05; done; cat ~/{name}"
    return {"command": script, "shell": True}


async def exists(client: Client, name: str) -> None:
    """Looks without an action in between."""
    pace = Pace(0.05)
    with anyio.fail_after(PATIENCE_S):
        while (await client.request("POST", "/file", data={"file_path": f"~/{name}"})).status != 200:
            await pace.wait()


async def let_go(client: Client, name: str) -> None:
    """An upload changes files only: it is no action, and may come between a request and its like."""
    data = (
        f'--x\r\nContent-Disposition: form-data; name="file_path"\r\n\r\n~/{name}-go\r\n'
        '--x\r\nContent-Disposition: form-data; name="file_data"; filename="x"\r\n\r\n\r\n--x--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await client.request("POST", "/setup/upload", data=data, headers=headers)).status == 200


async def test_a_request_sent_again_while_it_runs_waits_for_the_first(client: Client) -> None:
    async with await send(client, counting("running")):
        await exists(client, "running")
    async with await send(client, counting("running")) as again:
        await let_go(client, "running")
        assert b'"run\\n"' in await again.receive()


async def test_an_answer_nobody_took_is_given_to_the_request_sent_again(client: Client) -> None:
    async with await send(client, counting("ended")):
        await exists(client, "ended")
    await let_go(client, "ended")
    assert (await client.post("/execute", counting("ended"))).json["output"] == "run\n"
    # That one was delivered: the same request is a new one from now on.
    assert (await client.post("/execute", counting("ended"))).json["output"] == "run\nrun\n"


async def test_an_answer_nobody_read_is_given_to_the_request_sent_again(client: Client) -> None:
    counted = {"command": "echo run >> ~/unread; cat ~/unread", "shell": True}
    await anyio.to_thread.run_sync(send_and_not_read, client, counted)
    assert (await client.get("/platform")).status == 200
    assert (await client.post("/execute", counted)).json["output"] == "run\n"
    assert (await client.post("/execute", counted)).json["output"] == "run\nrun\n"


async def test_after_another_action_the_same_request_is_a_new_one(client: Client) -> None:
    async with await send(client, counting("other")):
        await exists(client, "other")
    await let_go(client, "other")
    await client.shell("true")
    assert (await client.post("/execute", counting("other"))).json["output"] == "run\nrun\n"


async def test_another_client_that_asks_for_the_same_gets_its_own(client: Client) -> None:
    async with await send(client, counting("both")) as first:
        await exists(client, "both")
        async with await send(client, counting("both")) as second:
            await client.until("[ $(wc -l < ~/both) = 2 ]")
            await let_go(client, "both")
            assert b"run\\nrun" in await first.receive()
            assert b"run\\nrun" in await second.receive()


# --- hostile requests -----------------------------------------------------------------------------------


async def test_requests_are_bounded(client: Client) -> None:
    big = io.BytesIO(b"x" * (MAX_BODY_BYTES + 1))
    assert (await client.request("POST", "/execute", data=big)).status == 413
    assert (await client.request("POST", "/execute", data=b"[" * 100_000)).status == 400
    assert (await client.request("POST", "/execute", data=b"[]")).status == 400
    half = rb'{"command": ["echo", "\ud800"]}'
    assert (await client.request("POST", "/execute", data=half)).status == 400
    many = "&".join(f"a{number}=1" for number in range(1000))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.request("POST", "/file", data=many, headers=form)).status == 400
    broken = {"Content-Type": "multipart/form-data"}
    assert (await client.request("POST", "/setup/upload", data=b"x", headers=broken)).status == 400
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await client.request("POST", "/execute", data=b"--x--", headers=form)).status == 415
    assert (await client.get("/nowhere")).status == 404
    assert (await client.get("/execute")).status == 405


async def test_paths_lead_nowhere_but_into_the_desktop(client: Client, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("the host's")
    for path in (str(mine), f"../../../..{mine}", f"~/../..{mine}", f"/proc/self/root{mine}"):
        got = await client.request("POST", "/file", data={"file_path": path})
        assert got.status in {404, 500}
        assert b"the host's" not in got.body
    assert (await client.post("/list_directory", {"path": str(tmp_path)})).status == 400
    assert (await client.post("/setup/open_file", {"path": "a\0b"})).status in {400, 404, 500}
    assert (await client.post("/execute", {"command": ["true", "a\0b"]})).status in {400, 500}
    assert (await client.get("/platform")).status == 200


async def test_a_folder_within_itself_ends_somewhere(client: Client) -> None:
    await client.shell("mkdir -p ~/loop && ln -sfn . ~/loop/self")
    tree = (await client.post("/list_directory", {"path": "~/loop"})).json["directory_tree"]
    depth = 0
    while tree["children"]:
        [tree] = tree["children"]
        depth += 1
    assert depth == MAX_DEPTH


# --- desktops that come and go --------------------------------------------------------------------------


async def test_a_fresh_desktop_takes_the_place_of_a_used_one(host: Host, bubblewrap: str) -> None:
    async with served(host, bubblewrap, "slim") as client:
        before = {desktop.id for desktop in await host.desktops()}
        await client.shell("touch ~/used")
        fresh = await client.post("/deskswarm/fresh")
        ip, server, *others = fresh.json["address"].split(":")
        assert (ip, server, len(others)) == ("127.0.0.1", str(client.ports.server), 3)
        assert (await client.shell("ls ~/used"))["returncode"] != 0
        after = {desktop.id for desktop in await host.desktops()}
        assert len(after) == len(before)
        assert after != before
    assert len(await host.desktops()) == len(before) - 1


async def test_ports_lead_into_the_desktop(client: Client) -> None:
    server = "python3 -m http.server 8080 --bind 127.0.0.1 --directory /etc/xdg"
    await client.post("/setup/launch", {"command": server, "shell": True})
    await client.until("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8080))'")
    async with await anyio.connect_tcp("127.0.0.1", client.ports.vlc) as stream:
        await stream.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await stream.receive()).startswith(b"HTTP/1.0 200")


async def test_a_desktop_that_died_is_an_error_and_can_be_replaced(host: Host, bubblewrap: str) -> None:
    async with served(host, bubblewrap, "slim") as client:
        seat = str(client.ports.server)
        [desktop] = [one for one in await host.desktops() if one.labels.get("seat") == seat]
        await host.stop(desktop.id)
        assert (await client.get("/terminal")).status == 500
        assert (await client.post("/deskswarm/fresh")).status == 200
        assert (await client.get("/terminal")).status == 200
