"""`deskswarm mcp` with the official client: what it gives, refuses and keeps, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.checkpoints import Checkpoint, read_chain
from runner.journal import Journal
from runner.mcp.answers import MAX_PNG_BYTES, picture
from runner.mcp.options import Options
from runner.mcp.tools import TOOLS
from runner.state import RunState, fold
from sandboxes.backend import load_backend
from sandboxes.deadline import Pace, deadline
from sandboxes.errors import BackendUnavailable, InputError
from sandboxes.frame import Frame
from sandboxes.home import images_folder
from sandboxes.host import Host
from sandboxes.spec import Network
from tests.conftest import lacking
from tests.runner.cli.command import COMMAND, Command
from tests.runner.mcp.session import environment, image, session

pytestmark = pytest.mark.anyio
PATIENCE_S = 120.0
LONG = {"timeout": PATIENCE_S}
SIMULATED = ("--backend", "simulated")
GOES_AWAY = """
import sys
import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

async def main():
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=dict(__import__("os").environ))
    async with Client(stdio_client(server)) as client:
        result = await client.call_tool("start", {})
        print(result.content[0].text, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.fixture
def deskswarm(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
async def real(deskswarm: Command, home: Path, needs_image: Callable[[str], None]) -> Command:
    """With the small image, on bubblewrap."""
    needs_image("slim")
    try:
        await load_backend("bubblewrap", home).check()
    except BackendUnavailable as error:
        lacking(str(error))
    images_folder(deskswarm.home).symlink_to(images_folder(home).resolve())
    return deskswarm


def last_run(home: Path) -> RunState:
    with Journal(home) as journal:
        return fold(journal.read(journal.runs()[0]))


def checkpoints(home: Path, state: RunState) -> list[Checkpoint]:
    [attempt] = state.tasks["desktop"].attempts
    return read_chain(ArtifactStore(home / ARTIFACTS), attempt.checkpoints[-1].sha256)


# --- on a real desktop -----------------------------------------------------------------------------


async def test_a_client_edits_a_file_and_what_it_did_is_kept_as_a_run(real: Command) -> None:
    async with session(real.home, "--image", "slim") as client:
        desktop = await client.start(purpose="Write a note.")
        await client.does("write_file", desktop=desktop, path="~/note.txt", content="before")
        seen = await client.call("observe", desktop=desktop)
        assert Image.open(BytesIO(b64decode(image(seen).data))).size == (1280, 800)
        said = await client.does(
            "act",
            desktop=desktop,
            note="opens the note",
            actions=[
                {"open": ["mousepad", "note.txt"]},
                {"focus": {"title": "note.txt"} | LONG},
                {"fill": {"role": "text", "app": "mousepad", "text": "grüße, 世界"} | LONG},
                {"press": "ctrl+s"},
                {"wait_for": {"role": "frame", "name": "*", "exact": False, "state": "gone"} | LONG},
            ],
        )
        assert "note.txt" in said
        assert "left: 199 steps" in said
        assert await client.does("read_file", desktop=desktop, path="~/note.txt") == "grüße, 世界"
        assert 'file "note.txt"' in await client.does("list_files", desktop=desktop)
        await client.does("end", desktop=desktop, note="The note is written.")
        assert "has ended" in await client.is_refused("observe", desktop=desktop)
        async with Host(real.home) as host:
            assert await host.desktops() == []

    state = last_run(real.home)
    assert (state.swarm.name, state.status) == ("mcp", "succeeded")
    looked, acted, ended = checkpoints(real.home, state)
    assert [point.decision and point.decision.say for point in (looked, acted, ended)] == [
        "look",
        "act",
        "done",
    ]
    assert all(done.ok for done in acted.executed)
    [attempt] = state.tasks["desktop"].attempts
    assert (attempt.steps, list(attempt.inputs), list(attempt.outputs)) == (1, ["write-1"], ["read-2"])
    real("replay", "last", "--html", "replay.html")
    assert (real.folder / "replay.html").stat().st_size > 20_000
    real("show", "last", "--artifacts", "out")
    real("watch", "last")
    real("why", "last", "desktop")
    real("fsck")


async def test_a_desktop_ends_with_the_client_that_was_killed(real: Command) -> None:
    command = [sys.executable, "-c", GOES_AWAY, COMMAND, "mcp", "--image", "slim"]
    async with await anyio.open_process(command, env=environment(real.home), stderr=None) as client:
        assert client.stdout is not None
        assert (await client.stdout.receive()).startswith(b"desktop: d-")
        client.kill()
    async with Host(real.home) as host:
        pace = Pace()
        with deadline("end of the desktop, and of its run", PATIENCE_S):
            while await host.desktops() or last_run(real.home).status == "running":
                await pace.wait()
    assert last_run(real.home).status == "cancelled"


# --- on simulated desktops -------------------------------------------------------------------------


async def test_what_is_wrong_is_refused_and_told(deskswarm: Command) -> None:
    async with session(deskswarm.home, *SIMULATED, "--desktops", "1", "--steps", "2") as client:
        assert "At most 1 at once, 2 steps" in str(client.client.instructions)
        tools = (await client.client.list_tools()).tools
        for tool in tools:
            Draft202012Validator.check_schema(tool.input_schema)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"root": True}, "root: 'true' is not allowed here; who starts `deskswarm mcp` allows it"),
            ({"image": "slim"}, "`--image slim`"),
            ({"network": {"allow": ["example.org:443"]}}, "`--network example.org:443`"),
            ({"network": {"allow": ["example.org"]}}, "network.allow[0]: "),
            ({"screen": 1}, "screen: no such field"),
        ]
        for asked, named in wrong:
            assert named in await client.is_refused("start", **asked)
        assert "none is open" in await client.is_refused("observe", desktop="d-0123456789ab")
        assert "did you mean 'observe'?" in await client.is_refused("observ")

        desktop = await client.start()
        assert f"1 of 1 are open; open: {desktop}; end one first" in await client.is_refused("start")
        assert await client.does("list_desktops") != "none is open"
        said = await client.is_refused(
            "act", desktop=desktop, actions=[{"clik": {"name": "OK"}}, {"press": 7}]
        )
        assert "actions[0]: 'clik' — no such action; did you mean 'click'?" in said
        assert "actions[1].press.keys: 7" in said
        assert "missing" in await client.is_refused("act", desktop=desktop)
        assert "starts with / or ~" in await client.is_refused("read_file", desktop=desktop, path="a")
        assert "no-such" in await client.is_refused("read_file", desktop=desktop, path="~/no-such")

        binary = b64encode(b"\xff\x00").decode()
        written = {"desktop": desktop, "path": "~/a.bin"}
        assert "base64" in await client.is_refused("write_file", **written, content="?", encoding="base64")
        await client.does("write_file", **written, content=binary, encoding="base64")
        assert "not UTF-8" in await client.is_refused("read_file", **written)
        assert await client.does("read_file", **written, encoding="base64") == binary
        large = "x" * ((512 << 10) + 1)
        assert "over the limit of 524288" in await client.is_refused("write_file", **written, content=large)

        failing = [{"type": "a"}, {"click": {"at": {"x": 9999, "y": 1}}}, {"type": "b"}]
        said = await client.is_refused("act", desktop=desktop, actions=failing)
        assert "action 0: ok\naction 1: failed: " in said
        assert "the other 1 were not tried\nleft: 1 steps" in said
        await client.does("act", desktop=desktop, actions=[{"type": "c"}])
        for _ in range(2):
            said = await client.is_refused("act", desktop=desktop, actions=[{"type": "d"}])
            assert "has ended (budget): 2 of 2 steps used" in said
        await client.does("end", desktop=await client.start())
    with Journal(deskswarm.home) as journal:
        assert [fold(journal.read(run)).status for run in journal.runs()] == ["succeeded", "failed"]


def test_a_client_may_have_what_is_allowed_and_no_more() -> None:
    some = Network(allow=("example.org:443",))
    options = Options(images=("desktop", "slim"), network=some, root=True, wall_s=60)
    given = options.desktop("slim", some, root=True)
    assert (given.image, given.network, given.root) == ("slim", some, True)
    assert options.desktop(None, None, root=False) == Options(wall_s=60).desktop(None, None, root=False)
    with pytest.raises(InputError, match=r"network: 'example.org:80' is not allowed.*'example.org:443'\?"):
        options.desktop(None, Network(allow=("example.org:80",)), root=False)


@contextmanager
def by_hand(deskswarm: Command) -> Iterator[subprocess.Popen[str]]:
    """A server whose client is the test itself, which holds on to its end."""
    pipe = subprocess.PIPE
    command, env = [COMMAND, "mcp", *SIMULATED], environment(deskswarm.home)
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as server:
        try:
            yield server
        finally:
            server.kill()


def ask(server: subprocess.Popen[str], method: str, **params: Any) -> None:
    """Ask it, and see that the answer is no error."""
    assert server.stdin is not None
    assert server.stdout is not None
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    print(json.dumps(message), file=server.stdin, flush=True)
    answer = json.loads(server.stdout.readline())
    assert not answer["result"].get("isError"), answer


def start_a_desktop(server: subprocess.Popen[str]) -> None:
    client = {"name": "by hand", "version": "1"}
    ask(server, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=client)
    print('{"jsonrpc": "2.0", "method": "notifications/initialized"}', file=server.stdin, flush=True)
    ask(server, "tools/call", name="start", arguments={})


def test_a_signal_ends_it_though_the_client_holds_on(deskswarm: Command) -> None:
    with by_hand(deskswarm) as server:
        start_a_desktop(server)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert last_run(deskswarm.home).status == "cancelled"


def test_a_run_whose_server_was_killed_is_brought_to_its_end_by_resume(deskswarm: Command) -> None:
    with by_hand(deskswarm) as server:
        start_a_desktop(server)
        server.kill()
        server.wait(PATIENCE_S)
    assert last_run(deskswarm.home).status == "running"
    deskswarm("resume", "last", code=1)
    state = last_run(deskswarm.home)
    assert state.status == "failed"
    assert "(MCP client)" in state.tasks["desktop"].reason


def test_a_message_without_end_is_refused(deskswarm: Command) -> None:
    with by_hand(deskswarm) as server:
        _, said = server.communicate("x" * (9 << 20), timeout=PATIENCE_S)
    assert server.returncode == 2
    assert said == "deskswarm: standard input: a message of over 8388608 bytes; send less\n"


def test_the_page_names_every_tool_and_each_of_its_arguments() -> None:
    page = (Path(__file__).parents[3] / "docs" / "mcp.md").read_text()
    for tool in TOOLS.values():
        [row] = [line for line in page.splitlines() if line.startswith(f"| `{tool.name}` |")]
        assert all(f"`{argument}`" in row for argument in tool.model_fields)


def test_a_picture_is_bounded_and_not_scaled() -> None:
    noise = np.random.default_rng(1).integers(0, 1 << 24, (800, 1280), np.uint32)
    made = picture(Frame(noise))
    data = b64decode(made.data)
    assert (made.mime_type, Image.open(BytesIO(data)).size) == ("image/jpeg", (1280, 800))
    assert len(data) < 2 * MAX_PNG_BYTES
    assert picture(Frame(np.zeros((800, 1280), np.uint32))).mime_type == "image/png"
