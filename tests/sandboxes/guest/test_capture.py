"""Frames of a real screen: what the host holds is what the X server has, bit for bit."""

from __future__ import annotations

import struct

import anyio
import numpy as np
import pytest

from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.errors import InputError
from sandboxes.frame import Frame, Pixels
from sandboxes.guest.protocol import Rect

pytestmark = pytest.mark.anyio

FRAME_BUFFER = 'cat "$XDG_RUNTIME_DIR"/display/Xvfb_screen0 > /tmp/frame'
SET_CURSOR = """
import time
from Xlib import X
from Xlib.display import Display
display = Display()
font = display.open_font("cursor")
cursor = font.create_glyph_cursor(font, 52, 53, (65535, 0, 0), (0, 65535, 65535))
root = display.screen().root
unseen = root.create_window(
    450, 350, 100, 100, 0, 0, X.InputOnly, override_redirect=True, cursor=cursor
)
unseen.map()
display.sync()
time.sleep(600)
"""


async def frame_buffer(desktop: Desktop) -> Pixels:
    """The X server's own file, read whole."""
    await desktop.exec(["sh", "-c", FRAME_BUFFER])
    data = await desktop.files.read("/tmp/frame")
    header = struct.unpack_from(">25I", data)
    width, height, row_bytes = header[4], header[5], header[12]
    rows = np.frombuffer(data, "<u4", offset=header[0] + header[19] * 12)[: height * row_bytes // 4]
    return rows.reshape(height, row_bytes // 4)[:, :width] & np.uint32(0xFFFFFF)


async def agrees(desktop: Desktop) -> None:
    frame = (await desktop.screenshot()).frame
    differing = np.argwhere(frame.pixels != await frame_buffer(desktop))
    assert not len(differing), f"{len(differing)} pixels differ, the first at {differing[0]}"


async def test_frames_are_those_of_the_x_server(shared: Desktop) -> None:
    for step in range(6):
        await shared.exec(["hsetroot", "-solid", f"#10{step * 40:02x}c0"])
        await agrees(shared)
        await shared.move(200 + step, 300)
        await shared.settle(0.05)
        await agrees(shared)


async def test_an_unchanged_screen_is_the_same_frame(shared: Desktop) -> None:
    await shared.move(400, 400)
    await shared.settle()
    one, two = await shared.screenshot(), await shared.screenshot()
    assert one.frame is two.frame


async def test_a_pointer_of_another_shape_is_seen_though_nothing_is_painted(shared: Desktop) -> None:
    await shared.move(500, 400)
    await shared.settle()
    before = await shared.screenshot()
    pid = await shared.open(["python3", "-c", SET_CURSOR])
    await until_changed(shared, before.frame)
    await agrees(shared)
    assert (await shared.screenshot()).cursor == before.cursor
    other = (await shared.screenshot()).frame
    await shared.exec(["kill", str(pid)])
    await until_changed(shared, other)
    await agrees(shared)


async def until_changed(desktop: Desktop, frame: Frame) -> None:
    pace = Pace()
    with anyio.fail_after(30):
        while not (await desktop.screenshot()).frame.changed_from(frame):
            await pace.wait()


async def test_regions_and_scales(shared: Desktop) -> None:
    whole = (await shared.screenshot()).frame.pixels
    part = await shared.screenshot(Rect(x=10, y=20, width=300, height=200))
    assert np.array_equal(part.frame.pixels, whole[20:220, 10:310])
    half = await shared.screenshot(scale=0.5)
    assert (half.width, half.height) == (640, 400)
    for wrong in (
        shared.screenshot(Rect(x=-1, y=0, width=5, height=5)),
        shared.screenshot(Rect(x=1275, y=0, width=6, height=5)),
        shared.screenshot(Rect(x=0, y=0, width=0, height=5)),
        shared.screenshot(scale=0),
        shared.screenshot(scale=9),
    ):
        with pytest.raises(InputError):
            await wrong


async def test_a_new_holder_begins_with_a_whole_frame(shared: Desktop) -> None:
    seen = (await shared.screenshot()).frame
    observed = await shared.observe()
    assert observed.screenshot.frame.changed_from(seen) == []
    assert observed.clipboard is None
    digest = None
    with anyio.fail_after(60):
        while digest is None:  # what a busy machine does not hand out soon is not asked for again
            await shared.clipboard.write("häßlich")
            digest = (await shared.observe()).clipboard
    assert digest.size == len("häßlich".encode())
