"""The clipboard of a desktop."""

from __future__ import annotations

from sandboxes.connection import Connection
from sandboxes.errors import InputError
from sandboxes.guest.protocol import MAX_CLIPBOARD_BYTES, ClipboardReply, Nothing


class Clipboard:
    """Text only. Every method raises DeadlineExceeded, StaleLease and DesktopLost."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, *, timeout: float = 10) -> str:
        """The text on the clipboard; empty where there is none."""
        _, text = await self._connection.request("clipboard.read", Nothing(), ClipboardReply, timeout=timeout)
        return text.decode(errors="replace")

    async def write(self, text: str, *, timeout: float = 10) -> None:
        """Put text on the clipboard. Raises InputError for more than 1 MiB of it."""
        data = text.encode()
        if len(data) > MAX_CLIPBOARD_BYTES:
            raise InputError(f"clipboard: {len(data)} bytes are over the limit of {MAX_CLIPBOARD_BYTES}")
        await self._connection.request("clipboard.write", Nothing(), Nothing, data, timeout=timeout)
