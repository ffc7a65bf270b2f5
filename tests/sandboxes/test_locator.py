"""Locators, on real applications."""

from __future__ import annotations

import anyio
import pytest

from sandboxes.desktop import Desktop
from sandboxes.errors import InputError, LocatorError

pytestmark = pytest.mark.anyio


async def test_an_editor_saves_a_file(desktop: Desktop) -> None:
    await desktop.open(["mousepad"])
    await desktop.locator("text", app="Mousepad").fill("first")
    await desktop.locator("text", app="mousepad").fill("häßlich ✓\n\tsecond line")
    await desktop.locator("menu", "File").click()
    await desktop.locator("menu item", "Save As...").click()
    await desktop.locator("file chooser", "Save As").wait_for()
    await desktop.locator("text", states=["focused"]).fill("note.txt")
    await desktop.locator("push button", "save", exact=False).click()
    await desktop.locator("file chooser", "Save As").wait_for("gone")
    assert (await desktop.files.read("~/note.txt")).decode().rstrip("\n") == "häßlich ✓\n\tsecond line"


async def test_a_file_manager_makes_a_folder(desktop: Desktop) -> None:
    await desktop.open(["thunar"])
    await desktop.locator("menu", "File").click()
    await desktop.locator("menu item", "Create Folder…").click()
    await desktop.locator("dialog").wait_for()
    # The window below has a text field too; the one in the dialog, which has the focus, is meant.
    await desktop.locator("text").fill("Reports")
    await desktop.locator("push button", "Create").click()
    await desktop.locator("dialog").wait_for("gone")
    assert await desktop.files.exists("~/Reports")


async def test_a_terminal(desktop: Desktop) -> None:
    await desktop.open(["lxterminal"])
    await desktop.locator("terminal").type("echo $((6 * 7)) > ~/answer; echo 'do''ne'\n")
    await desktop.locator("terminal", text="done", exact=False).wait_for()
    assert await desktop.files.read("~/answer") == b"42\n"


async def test_text_is_matched_and_emptied(desktop: Desktop) -> None:
    await desktop.open(["mousepad"])
    field = desktop.locator("text")
    await field.fill("some words")
    await desktop.locator("text", text=" some  words ").wait_for()
    await desktop.locator(text="SOME", exact=False).wait_for()
    await field.fill("")
    await desktop.locator("text", text="").wait_for()


async def test_mouse_buttons_and_menus(desktop: Desktop) -> None:
    await desktop.open(["mousepad"])
    await desktop.locator("text").fill("word")
    await desktop.locator("text").right_click()
    await desktop.locator("menu item", "Select All").hover()
    await desktop.press("Escape")
    await desktop.locator("menu item", "Select All").wait_for("gone")
    await desktop.locator("text").press("End")
    await desktop.type("s")
    await desktop.locator("text", text="words").wait_for()


async def test_what_is_there_is_counted_without_waiting(desktop: Desktop) -> None:
    assert await desktop.locator("menu").count() == 0
    await desktop.open(["mousepad"])
    await desktop.locator("menu", "File").wait_for()
    menus = desktop.locator("menu")
    names = [node.name for node in await menus.all()]
    assert names[:2] == ["File", "Edit"]
    assert await menus.count() == len(names)
    assert (await menus.first.node()).name == "File"
    assert (await menus.nth(1).node()).name == "Edit"


async def test_errors_say_what_is_there_instead(desktop: Desktop) -> None:
    await desktop.open(["mousepad"])
    await desktop.locator("menu", "File").wait_for()
    with pytest.raises(LocatorError, match=r'no "menu" named "Fil" within 0\.2 s; near: "menu" "File", '):
        await desktop.locator("menu", "Fil").click(timeout=0.2)
    with pytest.raises(LocatorError, match=r'6 objects match "menu" .*"menu" "File" at \d+,\d+; .*nth'):
        await desktop.locator("menu").click(timeout=0.2)
    with pytest.raises(LocatorError, match="number 9"):
        await desktop.locator("menu").nth(9).click(timeout=0.2)
    with pytest.raises(LocatorError, match="still there"):
        await desktop.locator("menu", "File").wait_for("gone", timeout=0.2)
    with pytest.raises(InputError, match="locator"):
        desktop.locator()


async def test_a_disabled_button_is_not_clicked(desktop: Desktop) -> None:
    await desktop.open(["thunar"])
    await desktop.locator("push button", "Back").wait_for()
    with pytest.raises(LocatorError, match='"Back" is disabled'):
        await desktop.locator("push button", "Back").click(timeout=0.5)


async def test_a_deadline_holds(desktop: Desktop) -> None:
    started = anyio.current_time()
    with pytest.raises(LocatorError):
        await desktop.locator("push button", "Nowhere").click(timeout=1)
    assert 1 <= anyio.current_time() - started < 20
