"""One look at all there is to see, in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .clipboard import Clipboard
from .protocol import Observe, ObserveReply, Screenshot, ScreenshotReply, StateReply
from .tabs import open_pages
from .tree import Accessibility
from .windows import Windows

if TYPE_CHECKING:
    from .screen import Camera


class Looks:
    def __init__(
        self,
        camera: Callable[[], Camera],
        accessibility: Accessibility,
        windows: Windows,
        clipboard: Clipboard,
    ) -> None:
        self._camera = camera
        self._accessibility = accessibility
        self._windows = windows
        self._clipboard = clipboard

    async def screenshot(self, args: Screenshot, _: bytes) -> tuple[ScreenshotReply, bytes]:
        """What the screen shows, with the cursor in it."""
        return self._camera().take(args.have)

    async def observe(self, args: Observe, _: bytes) -> tuple[ObserveReply, bytes]:
        """What takes time comes first; windows and frame follow it in one go."""
        tree, nodes = await self._accessibility.tree(args.tree, b"")
        clipboard = await self._clipboard.digest()
        pages = await open_pages(self._accessibility.processes())
        state = StateReply(windows=self._windows.all(), clipboard=clipboard, pages=pages)
        screenshot, pixels = self._camera().take(args.screenshot.have)
        reply = ObserveReply(screenshot=screenshot, tree=tree, tree_bytes=len(nodes), state=state)
        return reply, nodes + pixels
