"""What the desktop shows: its screen, its accessibility tree, its terminal, the sizes of things."""

from __future__ import annotations

from anyio import to_thread
from pydantic import Field

from runner.osworld.endpoint import Answer, Args, Endpoint, Refused, as_json, as_text, endpoint
from sandboxes.desktop import Desktop, UiTree
from sandboxes.guest.protocol import MAX_TREE_NODES, Node
from sandboxes.osworld_tree import osworld_xml


class WindowSize(Args):
    app_class_name: str = Field(min_length=1)


class Looks:
    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop

    def endpoints(self) -> list[Endpoint]:
        return [
            endpoint("GET", "/screenshot", Args, self.screenshot),
            endpoint("GET", "/accessibility", Args, self.accessibility),
            endpoint("GET", "/terminal", Args, self.terminal),
            endpoint("GET", "/cursor_position", Args, self.cursor_position),
            endpoint("GET", "/platform", Args, self.platform),
            endpoint("POST", "/screen_size", Args, self.screen_size),
            endpoint("POST", "/window_size", WindowSize, self.window_size),
        ]

    async def screenshot(self, _: Args) -> Answer:
        """With the pointer in it."""
        seen = await self._desktop.screenshot()
        return Answer(200, await to_thread.run_sync(lambda: seen.png), "image/png")

    async def accessibility(self, _: Args) -> Answer:
        tree = await self._desktop.ui_tree(MAX_TREE_NODES, showing_only=False, details=True)
        named = UiTree(tuple(map(_as_named_there, tree.nodes)), tree.cut)
        return as_json({"AT": await to_thread.run_sync(osworld_xml, named)})

    async def terminal(self, _: Args) -> Answer:
        """What the terminal that has the keyboard shows; null where none has it."""
        tree = await self._desktop.ui_tree()
        shown = next((node.text.rstrip() for node in tree.nodes if _is_terminal_in_use(node)), None)
        return as_json({"output": shown, "status": "success"})

    async def cursor_position(self, _: Args) -> Answer:
        cursor = (await self._desktop.screenshot()).cursor
        return as_json([cursor.x, cursor.y])

    async def platform(self, _: Args) -> Answer:
        return as_text("Linux")

    async def screen_size(self, _: Args) -> Answer:
        return as_json(self._desktop.size.model_dump())

    async def window_size(self, args: WindowSize) -> Answer:
        name = args.app_class_name.lower()
        for window in await self._desktop.windows():
            if window.application.lower() == name:
                return as_json({"width": window.frame.width, "height": window.frame.height})
        raise Refused(400, f"app_class_name: no window is of the class {args.app_class_name!r}")


def _as_named_there(node: Node) -> Node:
    """Chromium is what runs under Chrome's name, and evaluators look for that of Chrome."""
    if node.parent is None and node.name == "Chromium":
        return node.model_copy(update={"name": "Google Chrome"})
    return node


def _is_terminal_in_use(node: Node) -> bool:
    return node.role == "terminal" and "focused" in node.states
