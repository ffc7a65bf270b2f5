"""What is too much: a tree of too many bytes, a flood of events, a sheet with a million cells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.guest.protocol import MAX_TREE_BYTES, MAX_TREE_NODES, Node, Point, Scroll
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio

MAX_CELLS = 1500
BUTTONS, NAME_LENGTH = 3000, 1000
MANY_BYTES = f"""<title>Wide</title><button>Ready</button><script>
const name = "\N{CJK UNIFIED IDEOGRAPH-6F22}".repeat({NAME_LENGTH});
let all;
for (let i = 0; i < {BUTTONS}; i++) {{
  if (i % 300 == 0) document.body.append(all = document.createElement("form"));
  const button = document.createElement("button");
  button.setAttribute("aria-label", name);
  all.append(button);
}}
</script>"""
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


@pytest.fixture(scope="module")
async def desktop(host: Host, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    needs_image("desktop")
    async with await host.start(DesktopSpec(image="desktop"), holder="test") as desktop:
        await desktop.open(["mousepad"])
        await desktop.locator("text", app="mousepad").wait_for(timeout=30)
        yield desktop


def cells(nodes: tuple[Node, ...]) -> list[Node]:
    return [node for node in nodes if node.role == "table cell" and node.app == "soffice"]


async def test_a_tree_of_too_many_bytes_is_cut_and_says_so(desktop: Desktop) -> None:
    await desktop.files.write("~/wide.html", MANY_BYTES.encode())
    await desktop.open(["google-chrome", "/home/user/wide.html"])
    await desktop.locator("push button", "Ready", app="Chromium").wait_for(timeout=60)
    tree = await desktop.ui_tree(MAX_TREE_NODES, showing_only=False, timeout=30)
    assert tree.cut == {
        "Chromium": f"the tree is limited to {MAX_TREE_NODES} nodes and {MAX_TREE_BYTES} bytes"
    }
    wide = [node for node in tree.nodes if len(node.name) == NAME_LENGTH]
    assert MAX_TREE_BYTES / (4 * NAME_LENGTH) < len(wide) < MAX_TREE_BYTES / (3 * NAME_LENGTH)
    assert any(node.app == "mousepad" and node.role == "text" for node in tree.nodes)
    await desktop.exec(["pkill", "--signal", "KILL", "chrome"])


async def test_a_flood_of_events_keeps_nobody_from_looking_and_acting(desktop: Desktop) -> None:
    await desktop.locator("text", app="mousepad").focus()
    pid = await desktop.open(["python3", "-c", FLOOD], env=GUEST_MODULES)
    settled = await desktop.settle(timeout=2)
    assert settled.waited_s < 10
    for _ in range(5):
        await desktop.type("x")
        await desktop.observe()
    await desktop.locator("text", app="mousepad", text="xxxxx").wait_for()
    await desktop.exec(["kill", str(pid)])
    assert (await desktop.settle(timeout=10)).settled


async def test_of_a_million_cells_those_that_show_are_read_and_a_cut_is_told(desktop: Desktop) -> None:
    table = "\n".join(",".join(f"{row}.{column}" for column in range(COLUMNS)) for row in range(ROWS))
    await desktop.files.write("~/million.csv", table.encode())
    await desktop.open(["soffice", "--calc", "--norestore", "--infilter=CSV:44,34,76", "~/million.csv"])
    await desktop.locator("table cell", "A1", app="soffice").first.wait_for(timeout=120)
    await desktop.settle(0.5, timeout=20)
    with anyio.fail_after(60):  # Calc is still busy with what does not show.
        while (tree := await desktop.ui_tree()).cut:
            await desktop.settle(timeout=1)
    assert 500 < len(cells(tree.nodes)) <= MAX_CELLS
    whole = await desktop.ui_tree(MAX_TREE_NODES, showing_only=False, timeout=30)
    assert len(cells(whole.nodes)) <= MAX_CELLS
    assert "left out: what does not show of the " in whole.cut["soffice"]

    await desktop.press("ctrl+End")
    await desktop.locator("table cell", f"AX{ROWS}", app="soffice").wait_for(timeout=30)
    [last] = [cell for cell in cells((await desktop.ui_tree()).nodes) if cell.name == f"AX{ROWS}"]
    assert (last.text, "focused" in last.states) == (f"{ROWS - 1}.{COLUMNS - 1}", True)

    further_away = Scroll(at=Point(x=900, y=600), dy=8, modifiers=("ctrl",))
    await desktop.act([further_away])  # More cells show.
    await desktop.settle(0.5, timeout=20)
    tree = await desktop.ui_tree()
    assert len(cells(tree.nodes)) <= MAX_CELLS
    assert "cells that show of the table" in tree.cut["soffice"]
