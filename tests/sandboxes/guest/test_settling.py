"""Settling beside what never rests, and where the tree changes but not the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import numpy as np
import pytest

from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.frame import Frame
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio

DEADLINE_S = 60
READY = "<title>{0}</title><button>{0}</button>"
CLOCK = "<h1 id=c></h1><script>setInterval(() => c.textContent = new Date().toISOString(), 50)</script>"
ANIMATION = """<style>@keyframes a {{to {{transform: translate(1500px, 500px)}}}}
i {{position: absolute; animation: a 40s infinite linear}}</style><i>moving</i>"""
CANVAS = """<canvas id=k width=800 height=450></canvas><script>
const to = k.getContext("2d");
function draw(t) {
  to.fillStyle = "white"; to.fillRect(0, 0, 800, 450);
  to.fillStyle = "red"; to.fillRect(370 + 300 * Math.sin(t / 300), 195 + 180 * Math.cos(t / 470), 60, 60);
  requestAnimationFrame(draw);
}
draw(0)</script>"""
RELABELLED = """<p>{}</p><script>
const buttons = document.querySelectorAll("p button");
function label(next) {{
  if (next == buttons.length) return;
  buttons[next].setAttribute("aria-label", "labelled " + next);
  setTimeout(label, 300, next + 1);
}}
addEventListener("keydown", () => label(0));
</script>""".format("<button>unlabelled</button>" * 12)
MOVING = {"clock": CLOCK, "animation": ANIMATION.format(), "canvas": CANVAS}
VIDEO = "-f lavfi -i testsrc=duration=60:size=640x360:rate=25 -c:v mjpeg -q:v 8 /home/user/video.avi"


@pytest.fixture(scope="module")
async def desktop(host: Host, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    needs_image("desktop")
    async with await host.start(DesktopSpec(image="desktop"), holder="test") as desktop:
        yield desktop


async def until_changed(desktop: Desktop, frame: Frame) -> None:
    """A busy machine paints later than it settles."""
    pace = Pace()
    with anyio.fail_after(DEADLINE_S):
        while not (await desktop.screenshot()).frame.changed_from(frame):
            await pace.wait()


async def open_page(desktop: Desktop, name: str, body: str) -> None:
    await desktop.files.write(f"~/{name}.html", (READY.format(name) + body).encode())
    await desktop.open(["google-chrome", f"/home/user/{name}.html"])
    await desktop.locator("push button", name, app="Chromium").wait_for(timeout=60)


@pytest.mark.parametrize("name", list(MOVING))
async def test_a_page_that_never_rests_does_not_hold_up_settling(desktop: Desktop, name: str) -> None:
    await open_page(desktop, name, MOVING[name])
    before = (await desktop.screenshot()).frame
    settled = await desktop.settle(timeout=DEADLINE_S)
    assert settled.settled
    assert settled.waited_s < DEADLINE_S / 2
    await until_changed(desktop, before)


async def test_a_change_of_the_tree_is_waited_for_though_nothing_is_painted(desktop: Desktop) -> None:
    await open_page(desktop, "labels", RELABELLED)
    await desktop.settle(quiet=2, timeout=DEADLINE_S)
    page = await desktop.locator("document web", "labels", app="Chromium").node(timeout=60)
    before = (await desktop.screenshot(page.rect)).frame
    await desktop.press("x")
    settled = await desktop.settle(quiet=1, timeout=DEADLINE_S)
    assert settled.settled
    names = {node.name for node in (await desktop.ui_tree()).nodes}
    assert {f"labelled {number}" for number in range(12)} <= names
    assert np.array_equal((await desktop.screenshot(page.rect)).frame.pixels, before.pixels)


async def test_a_video_does_not_hold_up_settling_nor_does_a_player_deaf_to_pings(desktop: Desktop) -> None:
    made = await desktop.exec(["sh", "-c", f"ffmpeg -loglevel error {VIDEO}"], timeout=120)
    assert made.exit_code == 0, made.stderr.decode()
    await desktop.open(["vlc", "--loop", "--no-video-title-show", "/home/user/video.avi"])
    await desktop.locator("push button", app="vlc").first.wait_for(timeout=60)
    await desktop.settle(timeout=DEADLINE_S)
    before = (await desktop.screenshot()).frame
    settled = await desktop.settle(timeout=DEADLINE_S)
    assert settled.settled
    assert settled.waited_s < DEADLINE_S / 2
    await until_changed(desktop, before)
