"""The clipboard's text, through xclip, which serves and reads selections of any size."""

from __future__ import annotations

from .commands import Commands
from .failures import RequestFailed
from .protocol import MAX_CLIPBOARD_BYTES, ClipboardReply, Exec, Nothing

_SELECTION = ("-selection", "clipboard", "-target", "UTF8_STRING")


class Clipboard:
    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def read(self, _: Nothing, __: bytes) -> tuple[ClipboardReply, bytes]:
        """The text, empty where the clipboard holds none. Fails where it is over the limit."""
        args = Exec(argv=("xclip", "-out", *_SELECTION), max_output=MAX_CLIPBOARD_BYTES)
        reply, output = await self._commands.exec(args, b"")
        if reply.truncated:
            raise RequestFailed("bad_request", f"clipboard: over {MAX_CLIPBOARD_BYTES} bytes of text")
        return ClipboardReply(), output[: reply.stdout_bytes] if reply.exit_code == 0 else b""

    async def write(self, _: Nothing, text: bytes) -> tuple[Nothing, bytes]:
        """Own the clipboard with this text, until another program takes it."""
        if len(text) > MAX_CLIPBOARD_BYTES:
            raise RequestFailed("bad_request", f"clipboard: over {MAX_CLIPBOARD_BYTES} bytes of text")
        reply, _output = await self._commands.exec(Exec(argv=("xclip", "-in", *_SELECTION)), text)
        if reply.exit_code != 0:
            raise RequestFailed("internal", f"clipboard: xclip ended with {reply.exit_code}")
        return Nothing(), b""
