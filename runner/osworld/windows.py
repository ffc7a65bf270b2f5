"""Opening files, and windows by their names."""

from __future__ import annotations

import posixpath
from contextlib import suppress

from pydantic import Field

from runner.osworld.endpoint import Answer, Args, Endpoint, Refused, as_text, endpoint
from runner.osworld.files import Path, expand
from sandboxes.deadline import Pace, deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import GuestError
from sandboxes.guest.protocol import Window

OPEN_TIMEOUT_S = 300.0


class WindowName(Args):
    window_name: str = Field(min_length=1, max_length=1000)
    strict: bool = False
    by_class: bool = False


class Windows:
    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop

    def endpoints(self) -> list[Endpoint]:
        return [
            endpoint("POST", "/setup/open_file", Path, self.open_file, act=True),
            endpoint("POST", "/setup/activate_window", WindowName, self.activate_window),
            endpoint("POST", "/setup/close_window", WindowName, self.close_window, act=True),
        ]

    async def open_file(self, args: Path) -> Answer:
        """A file in its application, or a program by its name; answered once its window is in front."""
        path = await expand(self._desktop, args.path)
        await self._desktop.open(await self._opener(path))
        with deadline(f"a window that names {posixpath.basename(path)}", OPEN_TIMEOUT_S):
            await self._bring_to_front(posixpath.basename(path))
        return as_text("File opened and window activated successfully")

    async def activate_window(self, args: WindowName) -> Answer:
        await self._wmctrl("-a", args)
        return as_text("Window activated successfully")

    async def close_window(self, args: WindowName) -> Answer:
        await self._wmctrl("-c", args)
        return as_text("Window closed successfully.")

    async def _opener(self, path: str) -> list[str]:
        """Raises Refused where there is neither a file nor a program of that name."""
        if await self._desktop.files.exists(path):
            return ["xdg-open", path]
        found = await self._desktop.exec(["sh", "-c", 'command -v -- "$1"', "sh", path])
        if found.exit_code != 0:
            raise Refused(404, f"path: {path} is neither a file nor a program")
        return [path]

    async def _bring_to_front(self, name: str) -> None:
        pace = Pace()
        while True:
            window = _named(await self._desktop.windows(), name)
            if window is not None:
                with suppress(GuestError):  # it may be gone by now, as a splash screen is
                    return await self._desktop.activate_window(window.id)
            await pace.wait()

    async def _wmctrl(self, what: str, args: WindowName) -> None:
        """Whose rules OSWorld's server goes by; that there is no such window is no error."""
        options = [*(["-x"] if args.by_class else []), *(["-F"] if args.strict else [])]
        await self._desktop.exec(["wmctrl", *options, what, args.window_name])


def _named(windows: list[Window], name: str) -> Window | None:
    """The topmost that has the name in its title or, as a program's, as its class."""
    wanted = name.lower()
    found = [one for one in windows if wanted in one.title.lower() or wanted == one.application.lower()]
    return max(found, key=lambda one: one.stack, default=None)
