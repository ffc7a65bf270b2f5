"""The desktop's own API, on real desktops of every backend."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
from PIL import Image

from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.errors import (
    ActionFailed,
    DesktopLost,
    GuestError,
    InputError,
)
from sandboxes.guest.protocol import Input, Move, Point, Press, Rect, Window
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def shared(host: Host, backend: str) -> AsyncIterator[Desktop]:
    """One desktop for the tests that leave nothing behind."""
    async with await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") as desktop:
        yield desktop


async def test_observe(shared: Desktop) -> None:
    await shared.move(123, 456)
    seen = await shared.observe()
    assert seen.cursor == Point(x=123, y=456)
    with Image.open(io.BytesIO(seen.screenshot.png)) as image:
        assert image.size == (shared.size.width, shared.size.height) == (1920, 1080)
    assert [window.application for window in seen.windows] == ["Tint2"]


async def test_a_region_of_the_screen(shared: Desktop) -> None:
    shot = await shared.screenshot(Rect(x=10, y=20, width=300, height=200))
    with Image.open(io.BytesIO(shot.png)) as image:
        assert image.size == (shot.width, shot.height) == (300, 200)


async def test_settle(shared: Desktop) -> None:
    settled = await shared.settle(quiet=0.05, timeout=30)
    assert settled.settled
    assert 0.05 <= settled.waited_s < 30


@pytest.mark.parametrize(
    "act",
    [
        lambda desktop: desktop.click(100_000, 0),
        lambda desktop: desktop.click(1, 1, count=4),
        lambda desktop: desktop.drag([(1, 1)]),
        lambda desktop: desktop.scroll(1, 1, dy=1000),
        lambda desktop: desktop.act([]),
        lambda desktop: desktop.exec([]),
        lambda desktop: desktop.settle(quiet=0),
        lambda desktop: desktop.ui_tree(max_nodes=0),
        lambda desktop: desktop.exec(["true"], timeout=0),
        lambda desktop: desktop.type("\ud800"),
    ],
)
async def test_wrong_arguments(shared: Desktop, act: Callable[[Desktop], Awaitable[object]]) -> None:
    with pytest.raises(InputError):
        await act(shared)


async def test_a_batch_stops_at_what_fails(shared: Desktop) -> None:
    batch: list[Input] = [Move(to=Point(x=7, y=8)), Press(keys="ctrl+nokey"), Move(to=Point(x=9, y=9))]
    with pytest.raises(ActionFailed, match=r"action 1 of 3.*nokey") as raised:
        await shared.act(batch)
    assert raised.value.index == 1
    assert (await shared.screenshot()).cursor == Point(x=7, y=8)


async def test_exec(shared: Desktop) -> None:
    script = 'cat; echo "$WORD"; pwd; echo oops >&2; exit 3'
    result = await shared.exec(["sh", "-c", script], stdin=b"in\n", env={"WORD": "wörd"}, cwd="/tmp")
    assert result.exit_code == 3
    assert result.stdout.decode() == "in\nwörd\n/tmp\n"
    assert result.stderr == b"oops\n"
    assert not result.truncated


async def test_a_program_that_is_not_there(shared: Desktop) -> None:
    with pytest.raises(GuestError, match="no-such-program"):
        await shared.exec(["no-such-program"])
    with pytest.raises(GuestError, match="no-such-program"):
        await shared.open(["no-such-program"])


async def test_the_clipboard_has_a_limit(shared: Desktop) -> None:
    with pytest.raises(InputError, match="clipboard"):
        await shared.clipboard.write("x" * 1_100_000)


async def test_windows(desktop: Desktop) -> None:
    await desktop.open(["mousepad"])
    await desktop.locator("text", app="mousepad").wait_for()
    await desktop.open(["lxterminal"])
    await desktop.locator("frame", app="lxterminal", states=["active"]).wait_for(timeout=30)
    editor = await window(desktop, "Mousepad")
    assert not editor.focused
    await desktop.activate_window(editor.id)
    await desktop.locator("frame", app="mousepad", states=["active"]).wait_for()
    assert (await window(desktop, "Mousepad")).focused
    await desktop.close_window(editor.id)
    pace = Pace()
    with anyio.fail_after(30):
        while editor.id in [window.id for window in await desktop.windows()]:
            await pace.wait()
    with pytest.raises(GuestError, match="no window"):
        await desktop.activate_window(editor.id)


async def test_after_the_end(desktop: Desktop) -> None:
    await desktop.stop()
    await desktop.stop()
    with pytest.raises(DesktopLost, match="was stopped"):
        await desktop.screenshot()


async def window(desktop: Desktop, application: str) -> Window:
    [found] = [window for window in await desktop.windows() if window.application == application]
    return found
