"""The tools an MCP client may call, each a model of its arguments that knows what to do."""

from __future__ import annotations

import json
from abc import abstractmethod
from base64 import b64decode, b64encode
from typing import Annotated, ClassVar, Literal

from anyio import to_thread
from mcp.types import CallToolResult
from pydantic import Field

from runner.actions import Action
from runner.agents.base import Act as ActDecision
from runner.agents.base import Look
from runner.client_run import ClientRun
from runner.events import InputPlaced, Kept, OutputKept
from runner.mcp.answers import results, shown, told
from runner.mcp.desktops import TASK, Desktops
from runner.spec import DesktopPath
from sandboxes.desktop import Desktop
from sandboxes.errors import InputError
from sandboxes.spec import Model, Name, Network

MAX_FILE_BYTES = 512 << 10  # a result of base64 stays below the 1 MB that clients take
MAX_FILES = 1000
"""Into and out of a desktop; each is kept."""
_MAX_LISTED = 1000

DesktopId = Annotated[str, Field(description="as `start` gave it")]
Tokens = Annotated[
    int, Field(ge=200, le=20_000, description="the screen in words takes at most so many tokens")
]
Encoding = Literal["text", "base64"]


class Tool(Model):
    """Base of the tools; a docstring is what the client is told of it."""

    name: ClassVar[str]

    @abstractmethod
    async def call(self, desktops: Desktops) -> CallToolResult:
        """Raises DeskswarmError, whose message is for the client."""


class Start(Tool):
    """Start a fresh, isolated desktop. Returns its id, a screenshot, and what is on the screen."""

    name: ClassVar[str] = "start"
    purpose: str = Field(
        default="What the MCP client is asked for.",
        min_length=1,
        max_length=20_000,
        description="what it is for; kept with the recording",
    )
    image: Name | None = Field(default=None, description="default: the first one allowed")
    network: Network | None = Field(default=None, description="what it may reach; default: nothing")
    root: bool = Field(default=False, description="`sudo` works inside")
    max_tokens: Tokens = 4000

    async def call(self, desktops: Desktops) -> CallToolResult:
        spec = desktops.options.desktop(self.image, self.network, self.root)
        held, view = await desktops.start(spec, self.purpose)
        heading = f"desktop: {_desktop(held).id}\nrun: {held.run}"
        return await shown(heading, view, self.max_tokens)


class OfDesktop(Tool):
    """Base of what is done to one desktop."""

    desktop: DesktopId


class Observe(OfDesktop):
    """Look at a desktop: a screenshot, its windows, and its accessible objects with where to click them."""

    name: ClassVar[str] = "observe"
    max_tokens: Tokens = 4000

    async def call(self, desktops: Desktops) -> CallToolResult:
        held = desktops.find(self.desktop)
        async with held.client.turn():
            view = await held.client.say(Look())
        return await shown(f"desktop: {self.desktop}", view, self.max_tokens)


class Act(OfDesktop):
    """Carry out actions on a desktop in order, up to the first that fails, and look once it has settled.

    Aim at objects rather than at points: {"do": "click", "target": {"role": "push button", "name": "Save"}},
    {"do": "click", "target": {"at": {"x": 10, "y": 20}}}, {"do": "type", "text": "hello"},
    {"do": "press", "keys": "ctrl+s"}, {"do": "open", "argv": ["mousepad"]},
    {"do": "fill", "target": {"role": "text"}, "text": "hello"}, {"do": "focus", "title": "part of a title"},
    {"do": "wait_for", "target": {"role": "dialog"}}. All of them together are one step.
    """

    name: ClassVar[str] = "act"
    actions: tuple[Action, ...] = Field(min_length=1, max_length=100)
    note: str = Field(default="", max_length=20_000, description="why; kept with the recording")
    max_tokens: Tokens = 4000

    async def call(self, desktops: Desktops) -> CallToolResult:
        held = desktops.find(self.desktop)
        async with held.client.turn():
            view = await held.client.say(ActDecision(actions=self.actions, note=self.note))
        heading = f"desktop: {self.desktop}\n{results(len(self.actions), view.last)}"
        failed = not all(result.ok for result in view.last)
        return await shown(heading, view, self.max_tokens, failed=failed)


class ReadFile(OfDesktop):
    """Read a file of a desktop, of at most 512 KiB. It is kept with the recording."""

    name: ClassVar[str] = "read_file"
    path: DesktopPath
    encoding: Encoding = Field(default="text", description="`text` is UTF-8")

    async def call(self, desktops: Desktops) -> CallToolResult:
        held = desktops.find(self.desktop)
        async with held.client.turn():
            content = await _desktop(held).files.read(self.path, max_bytes=MAX_FILE_BYTES)
            text = self._encode(content)
            kept = await _keep(desktops, held, "read", self.path, content)
            await held.log.write(OutputKept(task=TASK, attempt=1, file=kept))
        return told(text)

    def _encode(self, content: bytes) -> str:
        if self.encoding == "base64":
            return b64encode(content).decode()
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise InputError(f"encoding: {self.path} is not UTF-8 text; read it with `base64`") from None


class WriteFile(OfDesktop):
    """Write a file of at most 512 KiB, and the folders above it. It is kept with the recording."""

    name: ClassVar[str] = "write_file"
    path: DesktopPath
    content: str = Field(max_length=2 * MAX_FILE_BYTES)
    encoding: Encoding = Field(default="text", description="`text` is UTF-8")

    async def call(self, desktops: Desktops) -> CallToolResult:
        held, content = desktops.find(self.desktop), self._decode()
        if len(content) > MAX_FILE_BYTES:
            raise InputError(
                f"content: {len(content)} bytes are over the limit of {MAX_FILE_BYTES}; write less"
            )
        async with held.client.turn():
            kept = await _keep(desktops, held, "write", self.path, content)
            await _desktop(held).files.write(self.path, content)
            await held.log.write(InputPlaced(task=TASK, attempt=1, file=kept))
        return told(f"{self.path}: {len(content)} bytes")

    def _decode(self) -> bytes:
        try:
            return (
                self.content.encode() if self.encoding == "text" else b64decode(self.content, validate=True)
            )
        except ValueError as error:
            raise InputError(f"content: no {self.encoding} ({error})") from None


class ListFiles(OfDesktop):
    """List a folder of a desktop."""

    name: ClassVar[str] = "list_files"
    path: DesktopPath = "~"

    async def call(self, desktops: Desktops) -> CallToolResult:
        held = desktops.find(self.desktop)
        async with held.client.turn():
            entries = await _desktop(held).files.list(self.path)
        lines = [
            f"{one.kind} {json.dumps(one.name)}{f' {one.size} bytes' if one.kind == 'file' else ''}"
            for one in sorted(entries, key=lambda entry: entry.name)
        ]
        left_out = len(lines) - _MAX_LISTED
        more = [f"({left_out} more left out)"] if left_out > 0 else []
        return told("\n".join(lines[:_MAX_LISTED] + more) or "(empty)")


class End(OfDesktop):
    """End a desktop and all it holds. Its recording stays."""

    name: ClassVar[str] = "end"
    note: str = Field(default="", max_length=20_000, description="what came of it; kept with the recording")

    async def call(self, desktops: Desktops) -> CallToolResult:
        held = desktops.find(self.desktop)
        await desktops.end(held, self.note)
        return told(f"{held.client.ended}\nits recording: deskswarm show {held.run}")


class ListDesktops(Tool):
    """List this session's open desktops."""

    name: ClassVar[str] = "list_desktops"

    async def call(self, desktops: Desktops) -> CallToolResult:
        lines = [f"{id_} {_desktop(held).spec.image} run {held.run}" for id_, held in desktops.open.items()]
        return told("\n".join(lines) or "none is open")


TOOLS: dict[str, type[Tool]] = {
    tool.name: tool for tool in (Start, Observe, Act, ReadFile, WriteFile, ListFiles, End, ListDesktops)
}


def _desktop(held: ClientRun) -> Desktop:
    """Of one whose client has had its first turn."""
    assert held.desktop is not None
    return held.desktop


async def _keep(desktops: Desktops, held: ClientRun, what: str, path: str, content: bytes) -> Kept:
    """Put a file that passes in or out into the store."""
    if held.files >= MAX_FILES:
        raise InputError(f"desktop: {MAX_FILES} files were read and written, and no more are kept; end it")
    held.files += 1
    digest = await to_thread.run_sync(desktops.store.put, content)
    return Kept(name=f"{what}-{held.files}", path=path, sha256=digest, bytes=len(content))
