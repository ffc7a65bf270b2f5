"""What a desktop shows: the values its handle returns, checked as they come in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sandboxes.errors import ProtocolError
from sandboxes.frame import Frame
from sandboxes.guest.protocol import (
    ClipboardDigest,
    ExecReply,
    Node,
    Page,
    Point,
    Window,
)
from sandboxes.ui_state import Tab, active_element, applications, browser_tabs, open_dialogs


@dataclass(frozen=True)
class Screenshot:
    """The screen, or a region of it; `cursor` is where the pointer is on the whole screen, in pixels."""

    frame: Frame
    cursor: Point

    @property
    def width(self) -> int:
        return self.frame.width

    @property
    def height(self) -> int:
        return self.frame.height

    @cached_property
    def png(self) -> bytes:
        """Lossless, with the cursor drawn in. Made when it is asked for first, in some 50 ms."""
        return self.frame.png()


@dataclass(frozen=True, slots=True)
class UiTree:
    """The accessible objects, every parent before its children.

    `cut` maps an application to what is missing of it, and why.
    """

    nodes: tuple[Node, ...]
    cut: dict[str, str]


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a desktop; `taken_at` is the host's clock, in seconds since the epoch.

    `clipboard` tells whether its text is another than before; None where it holds none. `pages` are those
    of browsers that were started with DevTools. Screenshot and
    windows are of one moment; the tree was read just before it.
    """

    screenshot: Screenshot
    tree: UiTree
    windows: tuple[Window, ...]
    cursor: Point
    taken_at: float
    clipboard: ClipboardDigest | None = None
    pages: tuple[Page, ...] = ()

    @property
    def active_element(self) -> Node | None:
        """The object that has the keyboard."""
        return active_element(self.tree.nodes)

    @property
    def dialogs(self) -> tuple[Node, ...]:
        """The dialogs, alerts and choosers that are open."""
        return open_dialogs(self.tree.nodes)

    @property
    def applications(self) -> tuple[str, ...]:
        """The running applications that have an accessible tree."""
        return applications(self.tree.nodes)

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """The tabs of the browsers, with the address of each that shows; with all addresses where DevTools
        tell them."""
        return browser_tabs(self.tree.nodes, self.pages)


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
