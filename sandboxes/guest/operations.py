"""Which operation is carried out by what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from anyio import to_thread

from . import files
from .actions import Actions
from .clipboard import Clipboard
from .commands import Commands
from .processes import Processes
from .protocol import Message, Nothing
from .screen import Camera
from .session import Session
from .tree import Accessibility
from .tunnels import Tunnels
from .windows import Windows

Handler = Callable[[Any, bytes], Awaitable[tuple[Message, bytes]]]


class Desktop:
    """Everything a request can ask for, once the session is up."""

    def __init__(self, session: Session, processes: Processes) -> None:
        self.actions = Actions(session.display, session.paint)
        self.tunnels = Tunnels()
        self.accessibility = Accessibility(session.bus)
        windows = Windows(session.display)
        commands = Commands(processes, session.environment)
        clipboard = Clipboard(commands)
        self.handlers: dict[str, Handler] = {
            "heartbeat": _heartbeat,
            "screenshot": Camera(session.display, session.paint).screenshot,
            "tree": self.accessibility.tree,
            "windows": _plain(windows.listed),
            "window": _plain(windows.act),
            "act": _plain(self.actions.act),
            "settle": _plain(session.paint.settle),
            "exec": commands.exec,
            "launch": _plain(commands.launch),
            "file.read": _threaded(files.read_file),
            "file.write": _threaded(files.write_file),
            "file.list": _threaded(files.list_files),
            "file.remove": _threaded(files.remove_file),
            "clipboard.read": clipboard.read,
            "clipboard.write": clipboard.write,
            "tunnel.open": self.tunnels.open,
            "tunnel.read": self.tunnels.read,
            "tunnel.write": self.tunnels.write,
            "tunnel.close": self.tunnels.close,
        }

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
