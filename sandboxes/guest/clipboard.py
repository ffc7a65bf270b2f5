"""The clipboard's text, through xclip, which serves and reads selections of any size."""

from __future__ import annotations

import hashlib
from typing import Any

import anyio

from .commands import Commands
from .display import Display
from .failures import RequestFailed
from .protocol import MAX_CLIPBOARD_BYTES, ClipboardDigest, ClipboardReply, Exec, Nothing

_SELECTION = ("-selection", "clipboard", "-target", "UTF8_STRING")
_OWNER_CHANGES = 1 | 2 | 4
_HANDED_OUT_S = 0.5


class Clipboard:
    def __init__(self, commands: Commands, display: Display) -> None:
        self._commands = commands
        self._display = display
        self._changes = 1
        self._digested = 0
        self._digest: ClipboardDigest | None = None
        self._atom = display.atom("CLIPBOARD")
        display.x.xfixes_query_version()  # Without it the server refuses every other request.
        display.x.xfixes_select_selection_input(display.root, self._atom, _OWNER_CHANGES)
        display.listen(self._note)

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

    async def digest(self) -> ClipboardDigest | None:
        """Of the text. It is read once after every change; None where its owner does not hand it out soon."""
        self._display.sync()
        self._display.hand_out_events()
        if self._digested != self._changes:
            self._digested = self._changes
            self._digest = await self._read_digest()
        return self._digest

    async def _read_digest(self) -> ClipboardDigest | None:
        if not self._display.x.get_selection_owner(self._atom):
            return None
        text = b""
        with anyio.move_on_after(_HANDED_OUT_S):
            try:
                _reply, text = await self.read(Nothing(), b"")
            except RequestFailed:
                return None  # Too much of it.
        return ClipboardDigest(sha256=hashlib.sha256(text).hexdigest(), size=len(text)) if text else None

    def _note(self, event: Any) -> None:
        kind = (event.type, getattr(event, "sub_code", None))
        self._changes += kind in (
            self._display.x.extension_event.SetSelectionOwnerNotify,
            self._display.x.extension_event.SelectionWindowDestroyNotify,
            self._display.x.extension_event.SelectionClientCloseNotify,
        )
