"""Looking and acting: the screen, the pointer, windows."""

from __future__ import annotations

from sandboxes.conformance.subject import WAIT_S, Subject, eventually, expect, raises
from sandboxes.errors import ActionFailed
from sandboxes.guest.protocol import Input, Move, Point

SCREEN = {"width": 1024, "height": 768}


async def the_screen_has_the_size_that_was_asked_for(subject: Subject) -> str:
    desktop = await subject.desktop(screen=SCREEN)
    height, width = (await desktop.screenshot()).frame.pixels.shape
    expect((width, height) == (1024, 768), f"{width}x{height}")
    return f"{width}x{height}"


async def the_pointer_goes_where_it_is_sent(subject: Subject) -> str:
    desktop = await subject.desktop(screen=SCREEN)
    for x, y in ((0, 0), (1023, 767), (123, 456)):
        await desktop.move(x, y)
        seen = await desktop.observe()
        expect(seen.cursor == Point(x=x, y=y), f"sent to {x}, {y}; seen at {seen.cursor}")
    return "to both corners and between"


async def a_batch_stops_at_what_fails(subject: Subject) -> str:
    desktop = await subject.desktop(screen=SCREEN)
    batch: list[Input] = [Move(to=Point(x=7, y=8)), Move(to=Point(x=30_000, y=8)), Move(to=Point(x=9, y=9))]
    complaint = await raises(ActionFailed, desktop.act(batch))
    cursor = (await desktop.observe()).cursor
    expect(cursor == Point(x=7, y=8), f"the pointer is at {cursor}")
    return complaint


async def a_window_opens_shows_its_objects_and_closes(subject: Subject) -> str:
    desktop = await subject.desktop(screen=SCREEN)
    await desktop.open([editor(subject)])
    await desktop.locator(role(subject)).click(timeout=WAIT_S)
    [opened] = [window for window in await desktop.windows() if window.focused]
    await desktop.close_window(opened.id)

    async def closed() -> bool:
        return opened.id not in {window.id for window in await desktop.windows()}

    await eventually("the end of the window", closed)
    return opened.title


def editor(subject: Subject) -> str:
    """A program with one field of text."""
    return "mousepad" if subject.capabilities.real else "notes"


def role(subject: Subject) -> str:
    """Of that field."""
    return "text" if subject.capabilities.real else "entry"
