"""Well-formed lies: answers that fit the protocol and would harm a caller who believed them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.errors import ActionFailed, DeadlineExceeded, FileError, LocatorError, ProtocolError
from sandboxes.guest.protocol import Press
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec
from tests.sandboxes.scripted_guest import Behaviour, Guest, answering, connected

pytestmark = pytest.mark.anyio

CURSOR = {"x": 0, "y": 0}
WHOLE = 1920 * 1080 * 4
BLACK = bytes(WHOLE)
TILE = bytes(64 * 64 * 4)


@asynccontextmanager
async def desktop(folder: Path, behave: Behaviour) -> AsyncIterator[Desktop]:
    async with (
        Host(folder / "home") as host,
        connected(folder, behave) as connection,
        Desktop(DesktopSpec(), connection, host) as made,
    ):
        yield made


def tree(*nodes: dict[str, Any], stated: int | None = None) -> dict[str, tuple[object, bytes]]:
    count = len(nodes) if stated is None else stated
    return {"tree": ({"nodes": count}, json.dumps(nodes).encode())}


def shot(tiles: tuple[int, ...] | None, serial: int = 1, *, runs: bool = False) -> dict[str, Any]:
    return {"serial": serial, "tiles": tiles, "runs": runs, "cursor": CURSOR}


def runs(*lengths: int) -> bytes:
    return bytes(4 * len(lengths)) + b"".join(length.to_bytes(4, "little") for length in lengths)


async def screenshot(made: Desktop) -> object:
    return await made.screenshot()


async def ui_tree(made: Desktop) -> object:
    return await made.ui_tree()


async def run(made: Desktop) -> object:
    return await made.exec(["true"])


async def list_files(made: Desktop) -> object:
    return await made.files.list("/")


async def act(made: Desktop) -> None:
    await made.press("a")


LIES: dict[str, tuple[Callable[[Desktop], Awaitable[object]], dict[str, tuple[object, bytes]]]] = {
    "no frame": (screenshot, {"screenshot": (shot(None), b"")}),
    "a frame that ends early": (screenshot, {"screenshot": (shot(None), BLACK[:-4])}),
    "a frame that goes on": (screenshot, {"screenshot": (shot(None), BLACK + b"\0" * 4)}),
    "half a pixel": (screenshot, {"screenshot": (shot(None), BLACK[:-1])}),
    "changes of nothing": (screenshot, {"screenshot": (shot((0,)), TILE)}),
    "nothing new of nothing": (screenshot, {"screenshot": (shot(()), b"")}),
    "no runs": (screenshot, {"screenshot": (shot(None, runs=True), b"")}),
    "runs that end early": (screenshot, {"screenshot": (shot(None, runs=True), runs(WHOLE // 4 - 1))}),
    "a bomb": (screenshot, {"screenshot": (shot(None, runs=True), runs(*[0xFFFFFFFF] * 1000))}),
    "runs that overflow": (
        screenshot,
        {"screenshot": (shot(None, runs=True), runs(*[1 << 31] * 3, 2073600))},
    ),
    "half a run": (screenshot, {"screenshot": (shot(None, runs=True), runs(WHOLE // 4)[:-1])}),
    "a cycle": (ui_tree, tree({"role": "frame", "parent": 0})),
    "a parent that is not there": (ui_tree, tree({"role": "frame", "parent": 7})),
    "fewer nodes than stated": (ui_tree, tree({"role": "frame"}, stated=2)),
    "no list": (ui_tree, {"tree": ({"nodes": 0}, b"{}")}),
    "no JSON": (ui_tree, {"tree": ({"nodes": 0}, b"\xff" * 100)}),
    "a long name": (ui_tree, tree({"role": "frame", "name": "x" * 2000})),
    "output that is missing": (
        run,
        {"exec": ({"exit_code": 0, "stdout_bytes": 9, "stderr_bytes": 0, "truncated": False}, b"short")},
    ),
    "a way out": (
        list_files,
        {"file.list": ({"entries": [{"name": "../x", "kind": "file", "size": 1}]}, b"")},
    ),
    "the folder above": (
        list_files,
        {"file.list": ({"entries": [{"name": "..", "kind": "file", "size": 1}]}, b"")},
    ),
    "actions left out": (act, {"act": ({"done": 0}, b"")}),
}


@pytest.mark.parametrize(("ask", "answers"), LIES.values(), ids=LIES)
async def test_a_lie_is_a_protocol_error(
    tmp_path: Path,
    ask: Callable[[Desktop], Awaitable[object]],
    answers: dict[str, tuple[object, bytes]],
) -> None:
    with anyio.fail_after(30):
        async with desktop(tmp_path, answering(answers)) as made:
            with pytest.raises(ProtocolError):
                await ask(made)


CHANGES: dict[str, tuple[dict[str, Any], bytes]] = {
    "a tile that is not there": (shot((510,), 2), TILE),
    "the same tile twice": (shot((3, 3), 2), TILE * 2),
    "tiles out of order": (shot((4, 3), 2), TILE * 2),
    "too little of a tile": (shot((3,), 2), TILE[:-4]),
    "too much of a tile": (shot((3,), 2), TILE + b"\0" * 4),
    "half a pixel": (shot((3,), 2), TILE[:-2]),
    "runs over the tile": (shot((3,), 2, runs=True), runs(64 * 64, 1)),
    "another frame, unchanged": (shot((), 2), b""),
    "unchanged, and yet pixels": (shot((), 1), TILE),
    "a change of the same number": (shot((3,), 1), TILE),
    "a whole frame of the same number": (shot(None, 1), BLACK),
    "an older frame": (shot(None, 0), BLACK),
}


@pytest.mark.parametrize("lie", CHANGES.values(), ids=CHANGES)
async def test_a_lie_about_what_has_changed(tmp_path: Path, lie: tuple[dict[str, Any], bytes]) -> None:
    answers = iter([(shot(None), BLACK), lie])

    async def behave(guest: Guest) -> None:
        for answer in answers:
            await guest.answer(await guest.read(), *answer)

    async with desktop(tmp_path, behave) as made:
        await made.screenshot()
        with pytest.raises(ProtocolError):
            await made.screenshot()


async def test_an_observation_shorter_than_its_tree(tmp_path: Path) -> None:
    state: dict[str, Any] = {"windows": [], "clipboard": None}
    look = {"screenshot": shot(None), "tree": {"nodes": 0}, "tree_bytes": 1 << 20, "state": state}
    async with desktop(tmp_path, answering({"observe": (look, b"[]")})) as made:
        with pytest.raises(ProtocolError):
            await made.observe()


async def test_the_truth_is_believed(tmp_path: Path) -> None:
    answers = {"screenshot": (shot(None), BLACK[:-4] + b"\x01\x02\x03\xff"), **tree({"role": "frame"})}
    async with desktop(tmp_path, answering(answers)) as made:
        assert (await made.screenshot()).frame.pixels[1079, 1919] == 0x030201
        assert [node.role for node in (await made.ui_tree()).nodes] == ["frame"]


async def test_a_file_larger_than_asked_for_is_not_read(tmp_path: Path) -> None:
    answers = {"file.read": ({"total": 1 << 50}, b"x" * (1 << 20))}
    async with desktop(tmp_path, answering(answers)) as made:
        with pytest.raises(FileError, match="over the limit"):
            await made.files.read("~/huge")
        with pytest.raises(FileError, match="over the limit"):
            await made.files.get("~/huge", tmp_path / "huge")
    assert not list(tmp_path.glob("*huge*"))


async def test_a_file_that_trickles_ends_with_the_deadline(tmp_path: Path) -> None:
    async with desktop(tmp_path, answering({"file.read": ({"total": 1 << 20}, b"x")})) as made:
        with pytest.raises(DeadlineExceeded, match="reading ~/slow"):
            await made.files.read("~/slow", timeout=0.3)


async def test_a_file_that_grows_is_cut_where_it_was(tmp_path: Path) -> None:
    totals = iter([4, 1 << 50])

    async def grow(guest: Guest) -> None:
        for total in totals:
            await guest.answer(await guest.read(), {"total": total}, b"abc")

    async with desktop(tmp_path, grow) as made:
        assert await made.files.read("~/log") == b"abca"


async def test_a_batch_names_the_action_that_failed(tmp_path: Path) -> None:
    async with desktop(tmp_path, answering({"act": ({"done": 1, "failure": "no"}, b"")})) as made:
        with pytest.raises(ActionFailed, match="action 1 of 3: no") as raised:
            await made.act([Press(keys="a")] * 3)
    assert raised.value.index == 1


async def test_an_object_that_never_stands_still(tmp_path: Path) -> None:
    async def dance(guest: Guest) -> None:
        looks = 0
        while True:
            request = await guest.read()
            rect = {"x": looks, "y": 0, "width": 10, "height": 10}
            node = {"role": "push button", "name": "OK", "states": ["showing", "enabled"], "rect": rect}
            if request["op"] == "tree":
                looks += 1
                await guest.answer(request, {"nodes": 1}, json.dumps([node]).encode())
            else:
                await guest.answer(request, {"settled": True, "waited_s": 0})

    async with desktop(tmp_path, dance) as made:
        with anyio.fail_after(30), pytest.raises(LocatorError, match=r"still moves after 0\.5 s"):
            await made.locator("push button", "OK").click(timeout=0.5)
