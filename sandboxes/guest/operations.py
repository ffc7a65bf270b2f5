"""Which operation is carried out by what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from . import files
from .actions import Actions
from .clipboard import Clipboard
from .commands import Commands
from .looks import Looks
from .painters import Painters
from .processes import Processes
from .protocol import Message, Nothing
from .session import Session
from .settling import Settling
from .tree import Accessibility
from .tunnels import Tunnels
from .windows import Windows

if TYPE_CHECKING:
    from .screen import Camera

Handler = Callable[[Any, bytes], Awaitable[tuple[Message, bytes]]]


class Desktop:
    """Everything a request can ask for, once the session is up."""

    def __init__(self, session: Session, processes: Processes) -> None:
        self.actions = Actions(session.display, session.paint)
        self.tunnels = Tunnels(session.proxy)
        windows = Windows(session.display)
        self.accessibility = Accessibility(session.bus, Painters(session.paint, windows), windows)
        commands = Commands(processes, session.environment)
        clipboard = Clipboard(commands, session.display)
        self._paint = session.paint
        settling = Settling(session.display, session.paint, self.accessibility)
        looks = Looks(lambda: self.camera, self.accessibility, windows, clipboard)
        self.handlers: dict[str, Handler] = {
            "heartbeat": _heartbeat,
            "screenshot": looks.screenshot,
            "tree": self.accessibility.tree,
            "observe": looks.observe,
            "windows": _plain(windows.listed),
            "window": _plain(windows.act),
            "act": _plain(self.actions.act),
            "settle": _plain(settling.settle),
            "exec": commands.exec,
            "launch": _plain(commands.launch),
            "file.read": _threaded(files.read_file),
            "file.write": _threaded(files.write_file),
            "file.list": _threaded(files.list_files),
            "file.remove": _threaded(files.remove_file),
            "clipboard.read": clipboard.read,
            "clipboard.write": clipboard.write,
            "tunnel.open": self.tunnels.open,
            "tunnel.accept": self.tunnels.accept,
            "tunnel.read": self.tunnels.read,
            "tunnel.write": self.tunnels.write,
            "tunnel.close": self.tunnels.close,
        }

    @cached_property
    def camera(self) -> Camera:
        """Made at the first look: a desktop need not wait for numpy to stand."""
        from .screen import Camera

        return Camera(self._paint)

    async def release(self) -> None:
        """Let go of what the last holder holds: keys, buttons, tunnels."""
        self.actions.release_all()
        await self.tunnels.close_all()


def _plain(method: Callable[[Any], Awaitable[Message]]) -> Handler:
    """A handler of a method that neither takes nor returns an attachment."""

    async def handle(args: Any, _: bytes) -> tuple[Message, bytes]:
        return await method(args), b""

    return handle


def _threaded(function: Callable[[Any, bytes], tuple[Message, bytes]]) -> Handler:
    """A handler of a function that blocks."""

    async def handle(args: Any, attachment: bytes) -> tuple[Message, bytes]:
        return await to_thread.run_sync(function, args, attachment)

    return handle


async def _heartbeat(_: Nothing, __: bytes) -> tuple[Message, bytes]:
    return Nothing(), b""
