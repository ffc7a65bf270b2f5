"""What is too much: a tree of too many bytes, a flood of events, a sheet with a million cells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.guest.protocol import MAX_TREE_BYTES, MAX_TREE_NODES, Node, Point, Rect, Scroll
from sandboxes.host import Host
from sandboxes.observation import UiTree
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio

MAX_CELLS = 1500
BUTTONS, NAME_LENGTH = 3000, 1000
BIG_APPLICATION = f"""
import asyncio
from dbus_fast import Message
from dbus_fast.aio import MessageBus
from deskswarm_guest import atspi
from deskswarm_guest.bus import call, connect_bus

async def main():
    session = await MessageBus().connect()
    address = await call(session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
    bus = await connect_bus(address)
    me, root = bus.unique_name, atspi.ROOT_PATH
    states = [atspi.SHOWING, 0]
    name = "\\N{{CJK UNIFIED IDEOGRAPH-6F22}}" * {NAME_LENGTH}
    button, application = atspi.ROLES.index("push button"), atspi.ROLES.index("application")
    items = [[[me, root], [me, root], [me, root], 0, {BUTTONS}, [], "big", application, "", states]]
    for number in range({BUTTONS}):
        path = f"/org/a11y/atspi/accessible/{{number}}"
        items.append([[me, path], [me, root], [me, root], number, 0, [], name, button, "", states])

    def answer(message):
        if message.member == "GetItems":
            return Message.new_method_return(message, "a((so)(so)(so)iiassusau)", [items])

    bus.add_message_handler(answer)
    await call(bus, "org.a11y.atspi.Registry", root, "org.a11y.atspi.Socket", "Embed", "(so)", ([me, root],))
    await bus.wait_for_disconnect()

asyncio.run(main())
"""
SLOW_APPLICATION = """
import asyncio
import time
from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus
from deskswarm_guest import atspi
from deskswarm_guest.bus import call, connect_bus

async def main():
    session = await MessageBus().connect()
    address = await call(session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
    bus = await connect_bus(address)
    me, root, path = bus.unique_name, atspi.ROOT_PATH, "/org/a11y/atspi/accessible/1"
    states, interfaces = [atspi.SHOWING | atspi.EDITABLE, 0], [atspi.COMPONENT, atspi.TEXT]
    text, application = atspi.ROLES.index("text"), atspi.ROLES.index("application")
    items = [[[me, root], [me, root], [me, root], 0, 1, [], "slow", application, "", states],
             [[me, path], [me, root], [me, root], 0, 0, interfaces, "late", text, "", states]]
    answers = {"GetItems": ("a((so)(so)(so)iiassusau)", [items]), "GetExtents": ("(iiii)", [[1, 2, 30, 40]]),
               "Get": ("v", [Variant("i", 4)]), "GetText": ("s", ["told"])}

    def answer(message):
        if message.member == "GetItems":
            time.sleep(SILENT_S)
        if message.member in answers:
            reply = Message.new_method_return(message, *answers[message.member])
            asyncio.get_running_loop().call_later(0.8, bus.send, reply)
            return True

    bus.add_message_handler(answer)
    await call(bus, "org.a11y.atspi.Registry", root, "org.a11y.atspi.Socket", "Embed", "(so)", ([me, root],))
    await bus.wait_for_disconnect()

asyncio.run(main())
"""
ROWS, COLUMNS = 20_000, 50
FLOOD = """
import asyncio
from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus
from deskswarm_guest.bus import call, connect_bus

async def main():
    session = await MessageBus().connect()
    address = await call(session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
    bus = await connect_bus(address)
    number = 0
    while True:
        for _ in range(200):
            number += 1
            bus.send(Message.new_signal(
                f"/org/a11y/atspi/accessible/{number % 50_000}", "org.a11y.atspi.Event.Object",
                "PropertyChange", "siiva{sv}", ["accessible-name", 0, 0, Variant("s", "x" * 100), {}]))
        await call(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId")

asyncio.run(main())
"""
GUEST_MODULES = {"PYTHONPATH": "/opt/deskswarm/lib:/opt/deskswarm/guest"}


@pytest.fixture
async def desktop(host: Host, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    needs_image("desktop")
    async with await host.start(DesktopSpec(image="desktop"), holder="test") as desktop:
        await desktop.open(["mousepad"])
        await desktop.locator("text", app="mousepad").wait_for(timeout=30)
        yield desktop


def cells(nodes: tuple[Node, ...]) -> list[Node]:
    return [node for node in nodes if node.role == "table cell" and node.app == "soffice"]


async def tree_cut(desktop: Desktop, cut: dict[str, str]) -> UiTree:
    """The tree once exactly this is cut from it: an application that is busy is cut for that, too."""
    with anyio.fail_after(60):
        while (tree := await desktop.ui_tree(MAX_TREE_NODES)).cut != cut:
            await desktop.settle(timeout=1)
    return tree


async def test_a_tree_of_too_many_bytes_is_cut_and_says_so(desktop: Desktop) -> None:
    await desktop.open(["python3", "-c", BIG_APPLICATION], env=GUEST_MODULES)
    limits = f"the tree is limited to {MAX_TREE_NODES} nodes and {MAX_TREE_BYTES} bytes"
    tree = await tree_cut(desktop, {"big": limits})
    wide = [node for node in tree.nodes if len(node.name) == NAME_LENGTH]
    assert MAX_TREE_BYTES / (4 * NAME_LENGTH) < len(wide) < MAX_TREE_BYTES / (3 * NAME_LENGTH)
    assert any(node.app == "mousepad" and node.role == "text" for node in tree.nodes)


async def test_an_application_that_is_slow_but_answers_is_read_to_the_end(desktop: Desktop) -> None:
    """Its answers together take longer than is waited for any one of them."""
    await open_slow(desktop, silent_s=0)
    with anyio.fail_after(60):
        while not (slow := [node for node in (await tree_cut(desktop, {})).nodes if node.app == "slow"]):
            await desktop.settle(timeout=1)
    [_, late] = slow
    assert (late.name, late.text, late.rect) == ("late", "told", Rect(x=1, y=2, width=30, height=40))


async def test_an_application_that_is_silent_for_long_is_read_once_it_has_been_seen_to_answer(
    desktop: Desktop,
) -> None:
    """As LibreOffice in an emulated machine, which says all that it holds ready in one answer."""
    await open_slow(desktop, silent_s=2.5)
    with anyio.fail_after(120):
        while not any(node.name == "late" for node in (await desktop.ui_tree(application_s=24)).nodes):
            await desktop.settle(timeout=1)


async def open_slow(desktop: Desktop, *, silent_s: float) -> None:
    """An application that takes its time for each answer, and does nothing else before the first."""
    program = SLOW_APPLICATION.replace("SILENT_S", str(silent_s))
    await desktop.open(["python3", "-c", program], env=GUEST_MODULES)


async def test_a_flood_of_events_keeps_nobody_from_looking_and_acting(desktop: Desktop) -> None:
    await desktop.locator("text", app="mousepad").focus()
    pid = await desktop.open(["python3", "-c", FLOOD], env=GUEST_MODULES)
    try:
        settled = await desktop.settle(timeout=2)
        assert settled.waited_s < 10
        for _ in range(5):
            await desktop.type("x")
            await desktop.observe()
        await desktop.locator("text", app="mousepad", text="xxxxx").wait_for()
    finally:
        await desktop.exec(["kill", str(pid)])
    assert (await desktop.settle(timeout=30)).settled


async def test_of_a_million_cells_those_that_show_are_read_and_a_cut_is_told(desktop: Desktop) -> None:
    table = "\n".join(",".join(f"{row}.{column}" for column in range(COLUMNS)) for row in range(ROWS))
    await desktop.files.write("~/million.csv", table.encode())
    await desktop.open(["soffice", "--calc", "--norestore", "--infilter=CSV:44,34,76", "~/million.csv"])
    await desktop.locator("table cell", "A1", app="soffice").first.wait_for(timeout=120)
    await desktop.settle(0.5, timeout=20)
    tree = await tree_cut(desktop, {})
    assert 500 < len(cells(tree.nodes)) <= MAX_CELLS
    await desktop.press("ctrl+End")
    await desktop.locator("table cell", f"AX{ROWS}", app="soffice").wait_for(timeout=30)
    [last] = [cell for cell in cells((await desktop.ui_tree()).nodes) if cell.name == f"AX{ROWS}"]
    assert (last.text, "focused" in last.states) == (f"{ROWS - 1}.{COLUMNS - 1}", True)

    further_away = Scroll(at=Point(x=900, y=600), dy=8, modifiers=("ctrl",))
    await desktop.act([further_away])  # More cells show.
    with anyio.fail_after(60):
        while "cells that show of the table" not in (tree := await desktop.ui_tree()).cut.get("soffice", ""):
            await desktop.settle(timeout=1)
    assert 0 < len(cells(tree.nodes)) <= MAX_CELLS


async def test_of_a_long_list_what_does_not_show_is_cut_and_told(desktop: Desktop) -> None:
    await desktop.exec(["sh", "-c", "mkdir ~/many && cd ~/many && touch $(seq 2000)"])
    await desktop.open(["thunar", "/home/user/many"])
    await desktop.locator("frame", "many - Thunar").wait_for(timeout=30)
    with anyio.fail_after(60):
        while "left out: what does not show of the " not in (
            tree := await desktop.ui_tree(MAX_TREE_NODES, showing_only=False)
        ).cut.get("thunar", ""):
            await desktop.settle(timeout=1)
    assert len([node for node in tree.nodes if node.app == "thunar"]) < 1000
