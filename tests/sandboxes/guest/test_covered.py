"""Sheets behind other windows: not read, and read again once they show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.errors import LocatorError
from sandboxes.guest.protocol import Press, Type, Window
from sandboxes.host import Host
from sandboxes.observation import UiTree
from sandboxes.spec import DesktopSpec, Screen
from sandboxes.text_tree import tree_text

pytestmark = pytest.mark.anyio

ROWS, COLUMNS = 60, 8
WAIT_S = 120
MAXIMIZED = "maximized_vert,maximized_horz"
IN_FRONT = f'wmctrl -i -r "$0" -b add,{MAXIMIZED} && wmctrl -i -r "$0" -b add,above'
ASIDE = f'wmctrl -i -r "$0" -b remove,{MAXIMIZED} && wmctrl -i -r "$0" -e 0,900,500,300,200'


@pytest.fixture(scope="module")
async def office(host: Host, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    """Two sheets of one process, the second in front."""
    needs_image("desktop")
    spec = DesktopSpec(image="desktop", screen=Screen(width=1280, height=800))
    async with await host.start(spec, holder="test") as desktop:
        for name in ("lower", "upper"):
            table = "\n".join(
                ",".join(f"{name}{row}.{column}" for column in range(COLUMNS)) for row in range(ROWS)
            )
            await desktop.files.write(f"~/{name}.csv", table.encode())
            await desktop.open(
                ["soffice", "--calc", "--norestore", "--infilter=CSV:44,34,76", f"~/{name}.csv"]
            )
            await window(desktop, f"{name}.csv")
            await until(desktop, shows(f"Sheet {name}"), f"the cells of {name}")
        await desktop.settle(0.5, timeout=30)
        yield desktop


async def window(desktop: Desktop, title: str) -> Window:
    with anyio.fail_after(WAIT_S):
        while True:
            for found in await desktop.windows():
                if title in found.title:
                    return found
            await desktop.settle(timeout=1)


async def change(desktop: Desktop, command: str, of: Window) -> None:
    """Carry out a command for the window."""
    result = await desktop.exec(["sh", "-c", command, f"0x{of.id:08x}"])
    assert result.exit_code == 0, result.stderr


async def front(desktop: Desktop, title: str) -> Window:
    found = await window(desktop, title)
    await desktop.activate_window(found.id)
    return found


def texts(tree: UiTree, sheet: str) -> dict[str, str]:
    """The cells of a sheet that have a text."""
    return {
        node.name: node.text
        for node in tree.nodes
        if node.role == "table cell"
        and node.text
        and node.parent is not None
        and tree.nodes[node.parent].name == sheet
    }


def covered(sheet: str) -> Callable[[UiTree], bool]:
    """The sheet is in the tree, but not what is in it."""
    return lambda tree: any(
        node.name == sheet
        and "covered" in node.states
        and not any(other.parent == index for other in tree.nodes)
        for index, node in enumerate(tree.nodes)
    )


def shows(sheet: str) -> Callable[[UiTree], bool]:
    return lambda tree: bool(texts(tree, sheet))


async def until(desktop: Desktop, holds: Callable[[UiTree], bool], what: str) -> UiTree:
    """The first tree of which it holds, and of which nothing is missing: what is covered is not."""
    try:
        with anyio.fail_after(WAIT_S):
            while (tree := await desktop.ui_tree(application_s=24)).cut or not holds(tree):
                await desktop.settle(timeout=1)
            return tree
    except TimeoutError:
        raise TimeoutError(f"never came: {what}") from None


async def test_of_two_sheets_of_one_process_the_one_in_front_is_read(office: Desktop) -> None:
    for upper, lower in (("upper", "lower"), ("lower", "upper")):
        await front(office, f"{upper}.csv")
        await until(office, covered(f"Sheet {lower}"), f"{lower} behind {upper}")
        tree = await until(office, shows(f"Sheet {upper}"), f"the cells of {upper}")
        assert texts(tree, f"Sheet {upper}")["B2"] == f"{upper}1.1"
        assert texts(tree, f"Sheet {lower}") == {}


async def test_a_locator_says_that_what_it_seeks_may_be_behind_a_window(office: Desktop) -> None:
    await front(office, "upper.csv")
    tree = await until(office, covered("Sheet lower"), "lower behind upper")
    lines = tree_text(tree, office.size, 100_000).text.splitlines()
    assert ['"Sheet lower"' in line for line in lines if "covered" in line] == [True]
    with pytest.raises(LocatorError, match='what is in "table" "Sheet lower" is behind another window'):
        await office.locator("table cell", text="lower1.1").wait_for(timeout=1)


async def close(desktop: Desktop, cover: Window) -> None:
    await desktop.close_window(cover.id)


async def minimize(desktop: Desktop, cover: Window) -> None:
    await change(desktop, 'xdotool windowminimize "$0"', cover)


async def move(desktop: Desktop, cover: Window) -> None:
    await change(desktop, ASIDE, cover)


@pytest.mark.parametrize("uncover", [move, minimize, close])
async def test_cells_come_back_as_they_are_when_the_window_before_them_goes(
    office: Desktop, uncover: Callable[[Desktop, Window], Awaitable[None]]
) -> None:
    """They are changed while they are hidden, by a process of which nothing shows."""
    sheet = "Sheet upper"
    await front(office, "upper.csv")
    before = texts(await until(office, shows(sheet), "the cells"), sheet)
    name = uncover.__name__
    await office.files.write(f"~/{name}.txt", b"one\n")
    await office.open(["mousepad", "--disable-server", f"/home/user/{name}.txt"])
    note = await window(office, f"{name}.txt")
    await change(office, IN_FRONT, note)
    await until(office, covered(sheet), "the sheet behind the editor")
    below = await front(office, "upper.csv")
    await until(office, lambda tree: covered(sheet)(tree) and in_use(tree, below), "the sheet in use")
    await office.act([Press(keys="ctrl+Home"), Type(text=f"{name}\n")])
    await uncover(office, note)
    changed = before | {"A1": name}
    await until(office, lambda tree: texts(tree, sheet) == changed, "the changed cells")
    await office.exec(["pkill", "--signal", "KILL", "mousepad"])


def in_use(tree: UiTree, of: Window) -> bool:
    return any(node.name == of.title and "active" in node.states for node in tree.nodes)
