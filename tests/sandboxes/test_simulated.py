"""The simulated backend, spoken to over its own stream with the real protocol."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandboxes.backend import Backend, load_backend
from sandboxes.capture import receive
from sandboxes.errors import DesktopLost, DesktopStartError, InputError
from sandboxes.frame import tile_count
from sandboxes.guest.frames import Frame, FrameReader, send_frame
from sandboxes.guest.protocol import OPERATIONS, PROTOCOL_VERSION, Reply, Request
from sandboxes.owner import Owner
from sandboxes.simulated import SimulatedBackend
from sandboxes.simulation.settings import FILE_NAME, Delay, Fault, Simulation
from sandboxes.spec import DesktopSpec, Limits, Screen

pytestmark = pytest.mark.anyio
SPEC = DesktopSpec(screen=Screen(width=800, height=600))
TOKEN = "0123456789abcdef"


def hello(epoch: int, token: str, ttl_s: float) -> dict[str, Any]:
    return {"version": PROTOCOL_VERSION, "epoch": epoch, "token": token, "ttl_s": ttl_s}


class Client:
    """Sends one request at a time, and validates each answer with the protocol's own models."""

    def __init__(self, stream: anyio.abc.ByteStream, token: str = TOKEN) -> None:
        self._stream, self._reader, self._token, self._id = stream, FrameReader(stream), token, 0

    async def reply(
        self, op: str, data: bytes = b"", deadline_s: float = 5, **args: Any
    ) -> tuple[Reply, bytes]:
        self._id += 1
        request = Request(id=self._id, op=op, lease=self._token, deadline_s=deadline_s, args=args)
        with anyio.fail_after(30):
            await send_frame(self._stream, Frame(request.model_dump_json().encode(), data))
            frame = await self._reader.read()
        reply = Reply.model_validate_json(frame.header)
        assert reply.id == self._id
        return reply, frame.attachment

    async def ask(self, op: str, data: bytes = b"", **args: Any) -> tuple[Any, bytes]:
        reply, attachment = await self.reply(op, data, **args)
        assert reply.failure is None, reply.failure
        return OPERATIONS[op].result.model_validate(reply.result), attachment

    async def refused(self, op: str, **args: Any) -> str:
        reply, _ = await self.reply(op, **args)
        assert reply.failure is not None
        return reply.failure.kind

    async def hello(self, epoch: int = 1, ttl_s: float = 10) -> Any:
        result, _ = await self.ask(
            "hello", version=PROTOCOL_VERSION, epoch=epoch, token=self._token, ttl_s=ttl_s
        )
        return result

    async def act(self, *actions: dict[str, Any]) -> Any:
        result, _ = await self.ask("act", actions=actions)
        return result

    async def nodes(self) -> dict[tuple[str, str], dict[str, Any]]:
        _, tree = await self.ask("tree")
        return {(node["role"], node["name"]): node for node in json.loads(tree)}

    async def click(self, role: str, name: str, **more: Any) -> None:
        rect = (await self.nodes())[role, name]["rect"]
        at = {"x": rect["x"] + rect["width"] // 2, "y": rect["y"] + rect["height"] // 2}
        await self.act({"do": "click", "at": at, **more})


async def start(backend: Backend, desktop_id: str = "d-1", spec: DesktopSpec = SPEC, **labels: str) -> Client:
    await backend.create(desktop_id, spec, Owner.current(), labels)
    client = Client(await backend.connect(desktop_id))
    await client.hello()
    return client


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    return load_backend("simulated", tmp_path)


@pytest.fixture
async def client(backend: Backend) -> AsyncIterator[Client]:
    yield await start(backend)
    await backend.stop("d-1")


async def test_typing_and_saving_shows_on_the_screen_in_the_tree_and_in_the_files(client: Client) -> None:
    before = await client.ask("screenshot")
    await client.act({"do": "type", "text": "hello, wörld"})
    await client.click("push button", "Save")
    after = await client.ask("screenshot")
    assert before[1] != after[1]
    held = receive(None, *before, SPEC.screen)
    frame = receive(held, *after, SPEC.screen).frame
    assert (frame.width, frame.height) == (800, 600)
    assert 0 < len(frame.changed_from(held.frame)) < tile_count(800, 600)
    assert (await client.nodes())["entry", "Note"]["text"] == "hello, wörld"
    assert (await client.ask("file.read", path="~/note.txt"))[1].decode() == "hello, wörld"
    assert (await client.ask("exec", argv=["cat", "/home/user/note.txt"]))[1].decode() == "hello, wörld"


async def test_the_same_deeds_give_the_same_picture(backend: Backend) -> None:
    pictures = []
    for desktop_id in ("d-1", "d-2"):
        client = await start(backend, desktop_id)
        await client.act({"do": "type", "text": "same"})
        pictures.append((await client.ask("screenshot"))[1])
        await backend.stop(desktop_id)
    assert pictures[0] == pictures[1]


async def test_menu_and_about_box(client: Client) -> None:
    await client.click("menu", "File")
    await client.click("menu item", "About")
    windows = (await client.ask("windows"))[0].windows
    assert [window.title for window in windows] == ["~/note.txt - Notes", "About Notes"]
    assert [window.focused for window in windows] == [False, True]
    await client.act({"do": "type", "text": "not for the note"})
    await client.click("push button", "Close")
    assert (await client.nodes())["entry", "Note"]["text"] == ""


async def test_selection_and_clipboard(client: Client) -> None:
    await client.act({"do": "type", "text": "cut me"}, {"do": "press", "keys": "ctrl+a"})
    await client.act({"do": "press", "keys": "ctrl+x"}, {"do": "press", "keys": "ctrl+v", "count": 2})
    assert (await client.nodes())["entry", "Note"]["text"] == "cut mecut me"
    assert (await client.ask("clipboard.read"))[1] == b"cut me"
    await client.click("entry", "Note", count=3)
    await client.ask("clipboard.write", b"over")
    await client.act({"do": "press", "keys": "ctrl+v"})
    assert (await client.nodes())["entry", "Note"]["text"] == "over"


async def test_windows_move_close_and_open_again(client: Client) -> None:
    path = [{"x": 100, "y": 50}, {"x": 150, "y": 90}]
    await client.act({"do": "drag", "path": path})
    frame = (await client.ask("windows"))[0].windows[0].frame
    assert (frame.x, frame.y) == (90, 80)
    await client.ask("window", id=1, do="close")
    assert (await client.ask("windows"))[0].windows == ()
    assert await client.refused("window", id=1, do="activate") == "not_found"
    await client.ask("file.write", b"from a file", path="~/a/in.txt")
    await client.ask("launch", argv=["notes", "~/a/in.txt"])
    assert (await client.nodes())["entry", "Note"]["text"] == "from a file"


async def test_files(client: Client) -> None:
    await client.ask("file.write", b"0123", path="~/folder/x")
    await client.ask("file.write", b"45", path="~/folder/x", offset=4)
    reply, data = await client.ask("file.read", path="~/folder/x", offset=2, size=3)
    assert (reply.total, data) == (6, b"234")
    entries = (await client.ask("file.list", path="~"))[0].entries
    assert [(entry.name, entry.kind) for entry in entries] == [("folder", "folder")]
    await client.ask("file.remove", path="~/folder")
    assert (await client.ask("file.list", path="~/folder"))[0].entries is None
    assert await client.refused("file.read", path="~/folder/x") == "file_error"
    assert await client.refused("file.read", path="relative") == "file_error"


async def test_disk_limit(backend: Backend) -> None:
    client = await start(backend, spec=DesktopSpec(limits=Limits(disk=16 << 20)))
    reply, _ = await client.reply("file.write", b"x" * ((16 << 20) + 1), path="~/big")
    assert reply.failure is not None
    assert "no space left" in reply.failure.message
    await backend.stop("d-1")


@pytest.mark.parametrize(
    ("argv", "exit_code", "output"),
    [
        (["true"], 0, b""),
        (["false"], 1, b""),
        (["echo", "a", "b"], 0, b"a b\n"),
        (["cat"], 0, b"in"),
        (["sleep", "x"], 1, b"sleep: invalid time interval\n"),
    ],
)
async def test_programs(client: Client, argv: list[str], exit_code: int, output: bytes) -> None:
    reply, data = await client.ask("exec", b"in", argv=argv)
    assert (reply.exit_code, data) == (exit_code, output)


async def test_what_it_cannot_do_is_refused(client: Client) -> None:
    assert await client.refused("exec", argv=["python3"]) == "not_found"
    assert await client.refused("launch", argv=["gimp"]) == "not_found"
    assert await client.refused("tunnel.open", port=80) == "not_found"
    assert await client.refused("act", actions=[]) == "bad_request"
    assert await client.refused("levitate") == "bad_request"
    result = await client.act({"do": "type", "text": "x"}, {"do": "click", "at": {"x": 800, "y": 0}})
    assert (result.done, result.failure) == (1, "(800, 0) is outside the screen")


async def test_a_program_over_its_deadline(client: Client) -> None:
    reply, _ = await client.reply("exec", deadline_s=0.05, argv=["sleep", "60"])
    assert reply.failure is not None
    assert reply.failure.kind == "deadline"


async def test_a_later_lease_fences_off_the_earlier_one(backend: Backend, client: Client) -> None:
    second = Client(await backend.connect("d-1"), token="fedcba9876543210")
    assert await second.refused("hello", **hello(1, "fedcba9876543210", 5)) == "stale_lease"
    await second.hello(epoch=2)
    assert await client.refused("windows") == "stale_lease"
    await second.ask("windows")


async def test_without_a_word_it_ends(backend: Backend) -> None:
    client = await start(backend)
    await client.hello(ttl_s=0.05)
    with pytest.raises(anyio.EndOfStream), anyio.fail_after(30):
        await FrameReader(await backend.connect("d-1")).read()
    assert await backend.reap() == ["d-1"]
    assert await backend.desktops() == []


async def test_records_are_seen_by_every_backend_of_this_process(tmp_path: Path) -> None:
    await SimulatedBackend(tmp_path).create("d-9", SPEC, Owner.current(), {"task": "t"})
    [record] = await SimulatedBackend(tmp_path).desktops()
    assert (record.id, record.labels) == ("d-9", {"task": "t"})
    await SimulatedBackend(tmp_path).stop("d-9")
    with pytest.raises(DesktopLost):
        await SimulatedBackend(tmp_path).connect("d-9")


async def test_a_stopped_desktop_ends_its_streams(backend: Backend, client: Client) -> None:
    stream = await backend.connect("d-1")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(backend.stop, "d-1")
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
    with pytest.raises(anyio.BrokenResourceError):
        await stream.send(b"x")


async def test_latency_delays_answers_but_not_each_other(tmp_path: Path) -> None:
    simulation = Simulation(latency={"windows": Delay(median_s=0.2)})
    backend = SimulatedBackend(tmp_path, simulation)
    client = await start(backend)
    started = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(Client(await backend.connect("d-1")).ask, "windows")
    assert 0.2 <= time.monotonic() - started < 0.2 * 100
    await client.ask("tree")
    await backend.stop("d-1")


def at_second_action(what: Any) -> Simulation:
    return Simulation(faults=(Fault(what=what, at_action=2),))


async def test_it_dies_at_the_nth_action(tmp_path: Path) -> None:
    backend = SimulatedBackend(tmp_path, at_second_action("die"))
    client = await start(backend)
    await client.act({"do": "type", "text": "one"})
    with pytest.raises(anyio.EndOfStream):
        await client.act({"do": "type", "text": "two"})
    with pytest.raises(DesktopLost):
        await backend.connect("d-1")
    assert "died" in await backend.log("d-1")
    await backend.stop("d-1")


async def test_it_freezes(tmp_path: Path) -> None:
    backend = SimulatedBackend(tmp_path, at_second_action("freeze"))
    client = await start(backend)
    await client.act({"do": "type", "text": "one"})
    with anyio.move_on_after(0.1) as scope:
        await client.act({"do": "type", "text": "two"})
    assert scope.cancelled_caught
    await backend.stop("d-1")


async def test_it_answers_nonsense(tmp_path: Path) -> None:
    backend = SimulatedBackend(tmp_path, at_second_action("nonsense"))
    client = await start(backend)
    await client.act({"do": "type", "text": "one"})
    with pytest.raises(ValueError, match="Invalid JSON"):
        await client.act({"do": "type", "text": "two"})
    await backend.stop("d-1")


async def test_faults_choose_their_desktops(tmp_path: Path) -> None:
    refuse_once = Fault(what="refuse", labels={"task": "unlucky"}, times=1)
    backend = SimulatedBackend(tmp_path, Simulation(faults=(refuse_once,)))
    await start(backend, "d-1", task="lucky")
    with pytest.raises(DesktopStartError):
        await start(backend, "d-2", task="unlucky")
    await start(backend, "d-3", task="unlucky")
    assert [record.id for record in await backend.desktops()] == ["d-1", "d-3"]
    for desktop_id in ("d-1", "d-3"):
        await backend.stop(desktop_id)


async def test_probabilities_repeat_with_the_seed(tmp_path: Path) -> None:
    async def refused(seed: int) -> list[int]:
        simulation = Simulation(seed=seed, faults=(Fault(what="refuse", probability=0.3),))
        backend = SimulatedBackend(tmp_path / str(seed), simulation)
        failed = []
        for number in range(40):
            try:
                await backend.create(f"d-{number}", SPEC, Owner.current(), {})
            except DesktopStartError:
                failed.append(number)
        for record in await backend.desktops():
            await backend.stop(record.id)
        return failed

    first = await refused(1)
    assert 0 < len(first) < 40
    assert await refused(1) == first
    assert await refused(2) != first


async def test_the_home_may_hold_a_simulation(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"faults": [{"what": "refuse"}]}')
    with pytest.raises(DesktopStartError):
        await start(load_backend("simulated", tmp_path))
    (tmp_path / FILE_NAME).write_text('{"faults": [{"what": "explode"}]}')
    with pytest.raises(InputError, match=FILE_NAME):
        load_backend("simulated", tmp_path)


async def test_a_thousand_desktops_are_cheap(backend: Backend) -> None:
    started = time.process_time()
    clients = [await start(backend, f"d-{number}") for number in range(1000)]
    for client in clients:
        await client.act({"do": "type", "text": "hello"})
        await client.ask("screenshot")
    for record in await backend.desktops():
        await backend.stop(record.id)
    assert time.process_time() - started < 10
