"""Runs inside the desktop while a benchmark does: takes the baselines' readings and paints whole screens.

Requests (a method's name and its arguments) and answers are lines of JSON over TCP, to the loopback port
it is given. It lives as long as the benchmark, so no baseline pays for the start of a process.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any

import numpy as np
from PIL import Image, ImageGrab
from walk import Walker  # type: ignore[import-not-found,unused-ignore]
from Xlib import X
from Xlib.display import Display

_PICTURES = 4
_TINT = 0x071D35
_SHOT = "/tmp/shot.png"


class Painter:
    """A window over the whole screen that shows one of a few pictures as rich as the desktop itself.

    The pictures are the screen as it was, moved about; each time one is shown its colours are others, so
    that no two screens share a tile, however long this goes on.
    """

    def __init__(self) -> None:
        self._display = Display()
        screen = self._display.screen()
        self._window = screen.root.create_window(
            0,
            0,
            screen.width_in_pixels,
            screen.height_in_pixels,
            0,
            screen.root_depth,
            override_redirect=True,
        )
        self._gc = self._window.create_gc()
        self._tint = self._window.create_gc(function=X.GXxor)
        pixels = np.asarray(ImageGrab.grab().convert("RGB"))
        self._pictures = [self._upload(pixels, number) for number in range(_PICTURES)]
        self._painted = 0

    def paint(self) -> None:
        """Show the next picture; on return the server has drawn it."""
        self._painted += 1
        picture = self._pictures[self._painted % _PICTURES]
        self._window.map()
        self._window.raise_window()
        size = self._window.get_geometry()
        self._window.copy_area(self._gc, picture, 0, 0, size.width, size.height, 0, 0)
        self._tint.change(foreground=self._painted * _TINT & 0xFFFFFF)
        self._window.fill_rectangle(self._tint, 0, 0, size.width, size.height)
        self._display.sync()

    def clear(self) -> None:
        self._window.unmap()
        self._display.sync()

    def _upload(self, pixels: Any, number: int) -> Any:
        moved = np.roll(pixels, (97 * number, 131 * number), (0, 1))
        height, width, _ = moved.shape
        pixmap = self._window.create_pixmap(width, height, self._display.screen().root_depth)
        pixmap.put_pil_image(self._gc, 0, 0, Image.fromarray(moved))
        return pixmap


class Companion:
    """Answers requests by the names of its public methods."""

    def __init__(self) -> None:
        self._painter: Painter | None = None
        self._loop = asyncio.Runner()
        self._walker: Walker | None = None

    def hello(self) -> str:
        return "ready"

    def paint(self) -> None:
        """Change the whole screen."""
        self._painter = self._painter or Painter()
        self._painter.paint()

    def clear(self) -> None:
        """Show the desktop again."""
        if self._painter is not None:
            self._painter.clear()

    def screenshot(self) -> dict[str, float]:
        """The baseline of a screenshot: take it and save it as PNG."""
        import pyautogui  # type: ignore[import-not-found,import-untyped,unused-ignore]  # not in every image

        started = time.perf_counter()
        pyautogui.screenshot().save(_SHOT)
        return {"seconds": time.perf_counter() - started}

    def walk(self, showing_only: bool, details: bool) -> dict[str, Any]:
        """The baseline of an accessibility tree: one call after the other."""
        if self._walker is None:
            self._walker = self._loop.run(Walker.connect())
        started = time.perf_counter()
        nodes = self._loop.run(self._walker.walk(showing_only, details))
        return {"seconds": time.perf_counter() - started, "nodes": nodes, "calls": self._walker.calls}

    def description(self, owner: str, path: str) -> str:
        """Of one object that a walk has found."""
        assert self._walker is not None
        return str(self._loop.run(self._walker.description(owner, path)))


def serve(port: int) -> None:
    """Answer one connection after the other."""
    companion = Companion()
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                name, *arguments = json.loads(line)
                print(json.dumps(getattr(companion, name)(*arguments)), file=lines, flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
