"""The accessibility tree of real applications, beside a walk that asks every object by itself."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest

from runner.bench.companion import run_companion
from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.guest.atspi import ROOT_PATH, role_name, state_names
from sandboxes.guest.protocol import Node
from sandboxes.host import Host
from sandboxes.observation import UiTree
from sandboxes.osworld_tree import osworld_xml
from sandboxes.spec import DesktopSpec, Screen
from sandboxes.text_tree import tree_text
from sandboxes.ui_state import Tab

pytestmark = pytest.mark.anyio

DEADLINE_S = 20
PREFIX = ROOT_PATH.removesuffix("root")
SHEET = "\n".join(",".join(f"{row}.{column}" for column in range(8)) for row in range(60))
MOVING = "<style>@keyframes a {to {transform: translateX(500px)}} i {animation: a 1s infinite}</style>"
PAGE = f"<title>Shop</title>{MOVING}<h1>Shop</h1><a href='x'>More</a><button>Buy</button><input value='7'>"
KEEP = itertools.repeat(5000)
"""Limits of nodes for looks of which each may build on the one before."""
APPS = {"soffice", "Chromium", "thunar", "mousepad"}
NAMED_BY_DESCRIPTION = {
    "push button",
    "toggle button",
    "radio button",
    "check box",
    "slider",
    "entry",
    "icon",
}


@pytest.fixture(scope="module")
async def busy(host: Host, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    """Chromium, Thunar, before them Calc and, in front, Mousepad. On a small screen Calc shows few cells, and
    can be read whole on a slow machine, too."""
    needs_image("desktop")
    spec = DesktopSpec(image="desktop", screen=Screen(width=1280, height=800))
    async with await host.start(spec, holder="test") as desktop:
        await desktop.files.write("~/sheet.csv", SHEET.encode())
        await desktop.files.write("~/page.html", PAGE.replace(MOVING, "").encode())
        await desktop.files.write("~/moving.html", (PAGE + "<i>moving</i>").encode())
        await desktop.files.write("~/note.txt", b"one\n")
        await desktop.open(["google-chrome", "/home/user/page.html"])
        await desktop.open(["thunar", "/usr"])
        await desktop.locator("push button", "Buy", app="Chromium").wait_for(timeout=60)
        await desktop.locator("frame", "usr - Thunar").wait_for(timeout=60)
        await desktop.open(["soffice", "--calc", "--norestore", "--infilter=CSV:44,34,76", "~/sheet.csv"])
        await desktop.locator("table cell", "A1", app="soffice").first.wait_for(timeout=60)
        await desktop.open(["mousepad", "/home/user/note.txt"])
        await desktop.locator("text", app="mousepad").focus(timeout=30)
        await desktop.settle(0.5)
        yield desktop


async def walked(desktop: Desktop) -> dict[str, dict[str, Any]]:
    """What a plain recursive walk finds, by ids as ours are."""
    async with run_companion(desktop) as companion:
        nodes = (await companion.walk(showing_only=True, details=False))["nodes"]
        for node in nodes:
            if not node["name"] and role_name(node["role"]) in NAMED_BY_DESCRIPTION:
                node["name"] = await companion.description(node)
    for node in nodes:
        above = None if node["parent"] is None else nodes[node["parent"]]["id"]
        own = f"{node['owner'][1:]}/{node['path'].removeprefix(PREFIX)}"
        node["id"] = f"{above}:{node['place'][0]},{node['place'][1]}" if "place" in node else own
        node["above"] = above
    return {node["id"]: node for node in nodes}


async def test_the_same_as_a_recursive_walk_node_by_node(busy: Desktop) -> None:
    tree = await whole_tree(busy)
    walk = await walked(busy)
    assert {node.app for node in tree.nodes} == APPS
    [tab] = [node for node in tree.nodes if node.role == "page tab" and node.app == "Chromium"]
    assert tab.name == "Shop"  # and not how much memory it takes
    menu_bar = height_of_menu_bar(tree)
    sheet = [node for node in tree.nodes if node.role == "table cell" and node.app == "soffice"]
    assert len(sheet) <= 1500  # Of a thousand million.
    for node in tree.nodes:
        other = walk.pop(node.id)
        assert (node.role, node.name) == (role_name(other["role"]), other["name"].strip()), node
        assert sorted(node.states) == sorted(state_names(other["states"])), node
        rect = node.rect and [node.rect.x, node.rect.y, node.rect.width, node.rect.height]
        said = other["extents"] if covers(other) else None
        assert rect in (said, said and lower(said, menu_bar)), node
        assert (None if node.parent is None else tree.nodes[node.parent].id) == other["above"], node
        if node.text and node.role not in ("slider", "scroll bar", "progress bar", "spin button"):
            assert node.text == other["text"].replace("\ufffc", "")[:2000], node
    # What the walk has beside is without a pixel, and so is all that it holds.
    assert [other for other in walk.values() if covers(other)] == []


def height_of_menu_bar(tree: UiTree) -> int:
    """Of LibreOffice's, which most of what is below it does not count."""
    bars = (node for node in tree.nodes if node.role == "menu bar" and node.app == "soffice" and node.rect)
    return next(bar.rect.height for bar in bars if bar.rect)


def lower(extents: list[int], pixels: int) -> list[int]:
    x, y, width, height = extents
    return [x, y + pixels, width, height]


def covers(other: dict[str, Any]) -> bool:
    _, _, width, height = other.get("extents") or (0, 0, 0, 0)
    return bool(width > 0 and height > 0)


async def test_a_locator_is_patient_with_a_full_sheet(busy: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an emulated machine, where what it begins with is too little for a sheet."""
    monkeypatch.setattr("sandboxes.locator.APPLICATION_S", 0.01)
    short = await busy.ui_tree(showing_only=False, application_s=0.01)
    assert "within 0.01 s" in short.cut["soffice"]
    await busy.press("Escape")  # what was known of the sheet is not what is asked for below
    node = await busy.locator("table cell", "B2", app="soffice").node(timeout=120)
    assert node.name == "B2"


async def test_ids_stay_and_changes_are_seen(busy: Desktop) -> None:
    before = await whole_tree(busy)
    assert (await whole_tree(busy)).nodes == before.nodes
    await busy.press("x")
    await busy.locator("text", app="mousepad", text="x", exact=False).wait_for(timeout=30)
    after = await whole_tree(busy)
    changed = {(node.id): node for node in apart(after) ^ apart(before)}
    assert len({node.id for node in after.nodes}) == len(after.nodes)
    assert changed
    assert {node.app for node in after.nodes if node.id in changed} == {"mousepad"}, changed
    [text] = [node for node in after.nodes if node.app == "mousepad" and node.role == "text"]
    assert "x" in text.text


def apart(tree: UiTree) -> set[Node]:
    """The nodes, wherever they are in the list."""
    return {node.model_copy(update={"parent": None}) for node in tree.nodes}


async def test_details_and_the_forms_of_a_tree(busy: Desktop) -> None:
    tree = await whole_tree(busy, details=True)
    [buy] = [node for node in tree.nodes if node.name == "Buy"]
    assert buy.actions
    assert dict(buy.attributes)["tag"] == "button"
    assert any(node.range for node in tree.nodes)
    assert 'push-button name="Buy"' in osworld_xml(tree)
    text = tree_text(tree, busy.size, 1500)
    assert text.tokens <= 1500
    assert text.left_out > 0
    assert text.text.splitlines()[0].endswith("of mousepad (active)")


async def test_cells_tell_their_place_number_and_formula(busy: Desktop) -> None:
    await front(busy, "sheet.csv")
    await go_to(busy, "ctrl+Home", "A1")
    await go_to(busy, "Right", "J1", count=9)  # Column J is empty.
    await busy.type("=1/8+A1\n")
    await go_to(busy, "Up", "J1")
    await busy.locator("table cell", "J1", text="0.125", app="soffice").wait_for(timeout=30)
    tree = await whole_tree(busy, details=True)
    [formula] = [node for node in tree.nodes if node.name == "J1"]
    attributes = {"rowindex": "1", "colindex": "10", "value": "0.125", "formula": "=1/8+A1"}
    assert dict(formula.attributes) == attributes
    [plain] = [node for node in tree.nodes if node.name == "C2"]
    assert dict(plain.attributes) == {"rowindex": "2", "colindex": "3", "value": "1.2"}
    [empty] = [node for node in tree.nodes if node.name == "K2"]
    assert dict(empty.attributes) == {"rowindex": "2", "colindex": "11"}


async def test_what_libreoffice_shows_is_where_its_rectangle_says(busy: Desktop) -> None:
    """It does not count its own menu bar: a cell would be missed by more than its height."""
    await front(busy, "sheet.csv")
    await busy.locator("table cell", "C4", app="soffice").click()
    await busy.locator("table cell", "C4", app="soffice", states=["focused"]).wait_for(timeout=30)
    await busy.locator("toggle button", "Bold", app="soffice").click()
    await busy.locator("toggle button", "Bold", app="soffice", states=["checked"]).wait_for(timeout=30)
    await busy.press("ctrl+z")


async def test_of_a_sheet_kept_nothing_is_out_of_date(busy: Desktop) -> None:
    """What is read again after each key is what a fresh look finds, which keeps nothing."""
    await front(busy, "sheet.csv")
    await go_to(busy, "ctrl+Home", "A1")
    for keys in ["7", "7", "Return", "Down", "8", "Tab", "shift+Right", "Delete", "ctrl+z"]:
        await busy.press(keys)
        await busy.settle(0.3)
        kept, fresh = await both_trees(busy, itertools.count(4000))
        assert kept == fresh, keys
    await busy.locator("table cell", "A1", text="77", app="soffice").wait_for()


async def both_trees(desktop: Desktop, limits: Iterator[int]) -> tuple[dict[str, Node], dict[str, Node]]:
    """The cells that are kept, and those that fresh looks find, before it and after it: a busy machine may be
    at work on the sheet for a while."""
    with anyio.fail_after(120):
        while True:
            before = cells(await whole_tree(desktop, limits))
            kept = cells(await whole_tree(desktop))
            if before == cells(await whole_tree(desktop, limits)):
                return kept, before


async def whole_tree(desktop: Desktop, limits: Iterator[int] = KEEP, *, details: bool = False) -> UiTree:
    """The tree once nothing is cut from it: on a busy machine Calc takes too long now and then."""
    with anyio.fail_after(120):
        while (tree := await desktop.ui_tree(next(limits), details=details)).cut:
            await desktop.settle(timeout=1)
    return tree


async def front(desktop: Desktop, title: str) -> None:
    """Bring a window to the front."""
    [window] = [window for window in await desktop.windows() if title in window.title]
    await desktop.activate_window(window.id)
    await desktop.settle(0.3)


async def go_to(desktop: Desktop, keys: str, cell: str, *, count: int = 1) -> None:
    """Move the cursor of the sheet: Calc does so some time after it has read the keys."""
    await desktop.press(keys, count=count)
    await desktop.locator("table cell", cell, app="soffice", states=["focused"]).wait_for(timeout=30)


def cells(tree: UiTree) -> dict[str, Node]:
    nodes = apart(tree)
    return {node.id: node for node in nodes if node.role == "table cell" and node.app == "soffice"}


async def test_what_an_observation_says(busy: Desktop) -> None:
    await busy.locator("text", app="mousepad").first.wait_for()
    await front(busy, "note.txt")
    seen = await busy.observe()
    assert set(seen.applications) == APPS
    assert seen.tabs == (Tab("Shop", "file:///home/user/page.html", selected=True),)
    assert seen.active_element is not None
    assert (seen.active_element.role, seen.active_element.app) == ("text", "mousepad")
    assert seen.dialogs == ()
    await busy.press("ctrl+o")
    await busy.locator("file chooser", "Open File").wait_for()
    assert [node.app for node in (await busy.observe()).dialogs] == ["mousepad"]
    await busy.press("Escape")
    await busy.locator("file chooser", "Open File").wait_for("gone")


async def test_a_hanging_application_costs_its_own_deadline_and_is_named(busy: Desktop) -> None:
    await whole_tree(busy)
    await busy.exec(["pkill", "-STOP", "thunar"])
    try:
        tree = await busy.ui_tree(timeout=20)
    finally:
        await busy.exec(["pkill", "-CONT", "thunar"])
    assert re.fullmatch(r"it did not answer for [\d.]+ s", tree.cut["thunar"])
    assert {node.app for node in tree.nodes} == APPS - {"thunar"}
    await whole_tree(busy)


async def test_an_application_that_ends_is_gone_from_the_tree(busy: Desktop) -> None:
    await busy.open(["lxterminal"])
    await busy.locator("terminal").wait_for(timeout=20)
    await busy.exec(["pkill", "-KILL", "lxterminal"])
    pace = Pace()
    with anyio.fail_after(60):
        while any(node.app == "lxterminal" for node in (await busy.ui_tree()).nodes):
            await pace.wait()


async def test_a_caret_and_an_animation_do_not_hold_up_settling(busy: Desktop) -> None:
    assert (await busy.settle(timeout=DEADLINE_S)).settled  # The caret of the editor blinks.
    await busy.open(["google-chrome", "/home/user/moving.html"])
    await front(busy, "Shop")
    await busy.locator("document web", "Shop", app="Chromium").first.wait_for(timeout=60)
    settled = await busy.settle(timeout=DEADLINE_S)
    assert settled.settled
    assert settled.waited_s < DEADLINE_S / 2
