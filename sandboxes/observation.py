"""What a desktop shows: the values its handle returns, checked as they come in."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from sandboxes.errors import ProtocolError
from sandboxes.guest.protocol import (
    MAX_TREE_NODES,
    ExecReply,
    Node,
    Point,
    ScreenshotReply,
    TreeReply,
    Window,
)
from sandboxes.wire import first_error

_PNG_START = struct.Struct(">8s4x4sII")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_FIELDS = len(Node.model_fields)


@dataclass(frozen=True, slots=True)
class Screenshot:
    """The screen, or a region of it, as a PNG with the cursor drawn in; sizes in pixels."""

    png: bytes = field(repr=False)
    width: int
    height: int
    cursor: Point

    @classmethod
    def from_reply(cls, reply: ScreenshotReply, png: bytes) -> Screenshot:
        """Raises ProtocolError where the attachment is no PNG of the size the reply states."""
        if len(png) < _PNG_START.size:
            raise ProtocolError(f"a screenshot of {len(png)} bytes is no PNG")
        signature, chunk, width, height = _PNG_START.unpack_from(png)
        if (signature, chunk) != (_PNG_SIGNATURE, b"IHDR"):
            raise ProtocolError("the screenshot is no PNG")
        if (width, height) != (reply.width, reply.height):
            raise ProtocolError(f"the PNG is {width}x{height}, its reply says {reply.width}x{reply.height}")
        return cls(png, width, height, reply.cursor)


@dataclass(frozen=True, slots=True)
class UiTree:
    """The accessible objects, every parent before its children.

    `cut` maps an application to what is missing of it, and why.
    """

    nodes: tuple[Node, ...]
    cut: dict[str, str]

    @classmethod
    def from_reply(cls, reply: TreeReply, attachment: bytes) -> UiTree:
        """Raises ProtocolError where the attachment is not the list of nodes the reply announces."""
        try:
            nodes = tuple(Node.model_validate(value) for value in _parse_list(attachment))
        except ValidationError as error:
            raise ProtocolError(f"the tree holds what is no node: {first_error(error)}") from None
        if len(nodes) != reply.nodes:
            raise ProtocolError(f"the tree has {len(nodes)} nodes, its reply says {reply.nodes}")
        for index, node in enumerate(nodes):
            if node.parent is not None and node.parent >= index:
                raise ProtocolError(f"node {index} of the tree comes before its parent {node.parent}")
        return cls(nodes, reply.cut)


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a desktop; `taken_at` is the host's clock, in seconds since the epoch."""

    screenshot: Screenshot
    tree: UiTree
    windows: tuple[Window, ...]
    cursor: Point
    taken_at: float


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether the screen came to rest, and the seconds that took."""

    settled: bool
    waited_s: float


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a program ended; a killed one has a negative exit code.

    `truncated` says that more was written than was kept.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    truncated: bool

    @classmethod
    def from_reply(cls, reply: ExecReply, output: bytes) -> ExecResult:
        """Raises ProtocolError where the attachment is not as long as the reply says."""
        if reply.stdout_bytes + reply.stderr_bytes != len(output):
            raise ProtocolError(f"{len(output)} bytes of output, the reply says otherwise")
        split = reply.stdout_bytes
        return cls(reply.exit_code, output[:split], output[split:], reply.truncated)


def _parse_list(data: bytes) -> list[Any]:
    """The list of a tree's nodes, before any is checked. Raises ProtocolError.

    Bounded as it is read: to validate 8 MiB of empty objects at once would take pydantic gigabytes.
    """
    objects = 0

    def count(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal objects
        objects += 1
        if objects > 2 * MAX_TREE_NODES or len(pairs) > _MAX_FIELDS:
            raise ProtocolError("the tree has too many nodes, or nodes with too many fields")
        return dict(pairs)

    try:
        nodes = json.loads(data, object_pairs_hook=count)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the tree is no JSON: {error!s:.200}") from None
    if not isinstance(nodes, list) or len(nodes) > MAX_TREE_NODES:
        raise ProtocolError(f"the tree is no list of at most {MAX_TREE_NODES} nodes")
    return nodes
