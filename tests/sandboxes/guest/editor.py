"""A text editor to type into, and waits for what it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from sandboxes.desktop import Desktop
from sandboxes.guest.protocol import Node, Window

FILE = "~/typed.txt"
T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T | None]], what: str, desktop: Desktop) -> T:
    """The first true answer; looks again each time the screen has settled. Raises TimeoutError."""
    try:
        with anyio.fail_after(30):
            while not (found := await look()):
                await desktop.settle(quiet=0.05, timeout=0.5)
            return found
    except TimeoutError:
        raise TimeoutError(f"never came: {what}") from None


async def open_editor(desktop: Desktop, text: str = "") -> Window:
    """A fresh Mousepad with a file of this text, focused; one left by an earlier test is ended."""
    await desktop.exec(["pkill", "--signal", "KILL", "mousepad"])
    await desktop.files.write(FILE, text.encode())
    await desktop.open(["mousepad", "--disable-server", "/home/user/typed.txt"])

    async def focused() -> Window | None:
        return next((w for w in await desktop.windows() if "typed.txt" in w.title and w.focused), None)

    async def loaded() -> bool:
        node = await editor_node(desktop)
        return node is not None and node.text == text[: len(node.text) or 1]

    window = await eventually(focused, "the editor's window", desktop)
    await eventually(loaded, "the editor's text", desktop)
    await desktop.settle()
    return window


async def editor_node(desktop: Desktop) -> Node | None:
    tree = await desktop.ui_tree()
    return next((node for node in tree.nodes if node.app == "mousepad" and node.role == "text"), None)


async def saved(desktop: Desktop, expected: str) -> str:
    """What the editor saves: the expected text, or what else there is where that never comes."""
    await desktop.press("ctrl+s")
    content = ""

    async def right() -> bool:
        nonlocal content
        content = (await desktop.files.read(FILE)).decode()
        return content.rstrip("\n") == expected.rstrip("\n")

    try:
        await eventually(right, "the saved text", desktop)
    except TimeoutError:
        return content
    return content
