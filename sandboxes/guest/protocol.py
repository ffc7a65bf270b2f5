"""The protocol: every request a guest answers, and every answer, as pydantic models.

Each request names an operation (`op`) whose arguments and result are the models paired in
`OPERATIONS`. Both ends validate with these models; neither trusts the other. All coordinates are
pixels from the top left of the screen, all times seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

PROTOCOL_VERSION = 2
MAX_CHUNK_BYTES = 1 << 20
MAX_OUTPUT_BYTES = 1 << 20
MAX_TREE_NODES = 20_000
MAX_TREE_BYTES = 8 << 20
APPLICATION_S, MAX_APPLICATION_S = 6.0, 24.0
MAX_TILES = 1 << 16
MAX_PAGES = 200
MAX_TEXT = 10_000
MAX_CLIPBOARD_BYTES = 1 << 20


class Message(BaseModel):
    """Base of everything that crosses the boundary."""

    model_config = ConfigDict(frozen=True, extra="forbid")


ErrorKind = Literal[
    "bad_request", "stale_lease", "action_failed", "file_error", "not_found", "deadline", "internal"
]


class Request(Message):
    """One request. `lease` is the token that `hello` installed; `deadline_s` counts from its arrival."""

    id: int = Field(ge=0)
    op: str = Field(max_length=64)
    lease: str = Field(max_length=128)
    deadline_s: float = Field(gt=0, le=3600)
    args: dict[str, Any] = Field(default_factory=dict)


class Failure(Message):
    """Why a request was not carried out."""

    kind: ErrorKind
    message: str = Field(max_length=4000)


class Reply(Message):
    """The answer to the request of the same id: a result or a failure, never both."""

    id: int = Field(ge=0)
    result: dict[str, Any] | None = None
    failure: Failure | None = None


# --- values -------------------------------------------------------------------------------------


class Point(Message):
    x: int = Field(ge=-32768, le=32767)
    y: int = Field(ge=-32768, le=32767)


class Rect(Message):
    x: int
    y: int
    width: int = Field(ge=0)
    height: int = Field(ge=0)

    @property
    def center(self) -> Point:
        return Point(x=self.x + self.width // 2, y=self.y + self.height // 2)


class Window(Message):
    """A top-level window, as the window manager lists it; `stack` 0 is the lowest."""

    id: int
    title: str = Field(max_length=1000)
    application: str = Field(max_length=200, description="WM_CLASS, its class part")
    pid: int | None
    frame: Rect
    stack: int
    focused: bool
    minimized: bool


class Range(Message):
    """What a slider, a spin button or a scroll bar is set to, and its limits."""

    value: float
    min: float
    max: float
    step: float


class NodeAction(Message):
    """What can be done to an object, and the keys that do it, as the toolkit writes them."""

    name: str = Field(max_length=200)
    description: str = Field(default="", max_length=1000)
    keys: str = Field(default="", max_length=200)


class Node(Message):
    """One accessible object. `parent` is the index of its parent in the list, or None for an application.

    `id` names the same object in every look at a desktop, for as long as its application keeps it.
    """

    id: str = Field(default="", max_length=200)
    role: str = Field(max_length=100)
    name: str = Field(default="", max_length=1000)
    text: str = Field(default="", max_length=2000, description="the content of a text object, or its value")
    states: tuple[Annotated[str, Field(max_length=40)], ...] = Field(default=(), max_length=48)
    rect: Rect | None = Field(default=None, description="on the screen; only for what is showing")
    parent: int | None = Field(default=None, ge=0)
    app: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=4000, description="the URL of a web page")
    range: Range | None = Field(default=None, description="only where details were asked for, as all below")
    actions: tuple[NodeAction, ...] = Field(default=(), max_length=20)
    attributes: tuple[
        tuple[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=1000)]], ...
    ] = Field(default=(), max_length=64)


class Page(Message):
    """A web page that is open in a browser."""

    title: str = Field(max_length=1000)
    address: str = Field(max_length=4000, description="its URL")


# --- input actions --------------------------------------------------------------------------------

Button = Literal["left", "middle", "right", "back", "forward"]
Keys = Annotated[
    str, Field(min_length=1, max_length=100, description="key names joined by +, as `ctrl+shift+s`")
]
Modifiers = Annotated[tuple[Annotated[str, Field(max_length=20)], ...], Field(max_length=4)]


class Move(Message):
    do: Literal["move"] = "move"
    to: Point


class Click(Message):
    do: Literal["click"] = "click"
    at: Point
    button: Button = "left"
    count: int = Field(default=1, ge=1, le=3)
    modifiers: Modifiers = ()


class Drag(Message):
    """Press at the first point, move through the others with intermediate motion, release at the last."""

    do: Literal["drag"] = "drag"
    path: tuple[Point, ...] = Field(min_length=2, max_length=200)
    button: Button = "left"
    modifiers: Modifiers = ()


class Scroll(Message):
    """Wheel clicks: `dy` > 0 scrolls down, `dx` > 0 to the right."""

    do: Literal["scroll"] = "scroll"
    at: Point
    dx: int = Field(default=0, ge=-100, le=100)
    dy: int = Field(default=0, ge=-100, le=100)
    modifiers: Modifiers = ()


class Type(Message):
    """Type text, any Unicode; `\\n` is Return and `\\t` is Tab."""

    do: Literal["type"] = "type"
    text: str = Field(min_length=1, max_length=MAX_TEXT)


class Press(Message):
    """Press a key or a chord, `count` times."""

    do: Literal["press"] = "press"
    keys: Keys
    count: int = Field(default=1, ge=1, le=100)


class MouseButton(Message):
    """Hold or release a button where the pointer is."""

    do: Literal["mouse_down", "mouse_up"]
    button: Button = "left"


class Key(Message):
    """Hold or release one key."""

    do: Literal["key_down", "key_up"]
    key: str = Field(min_length=1, max_length=40)


Input = Annotated[Move | Click | Drag | Scroll | Type | Press | MouseButton | Key, Field(discriminator="do")]


# --- operations: arguments and results --------------------------------------------------------------


class Nothing(Message):
    """No arguments, or no result."""


class Hello(Message):
    """Take the desktop over. A higher epoch fences off every earlier lease; an equal or lower one is refused
    unless its token is the current one (a re-connect)."""

    version: int
    epoch: int = Field(ge=1)
    token: str = Field(min_length=16, max_length=128)
    ttl_s: float = Field(gt=0, le=3600, description="with no word for so long, the desktop ends itself")


class Adopt(Message):
    """To a virtual machine that is a copy of another: be one of its own. On a port, of a holder of no lease.

    All leases end, with what their holders held, and the next `hello` may have any epoch. The desktop's life
    begins anew.
    """

    hostname: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    machine_id: str = Field(pattern="^[0-9a-f]{32}$")
    time_ns: int = Field(gt=0, lt=1 << 63, description="the time of day, since 1970")
    seed: str = Field(pattern="^[0-9a-f]{64}$", description="for the kernel's random numbers")
    lifetime_s: float = Field(gt=0, le=86_400)


class HelloReply(Message):
    version: int
    width: int = Field(gt=0, le=16384)
    height: int = Field(gt=0, le=16384)


class Screenshot(Message):
    """`have` is the serial number of the frame that the asker holds, the last that it was sent."""

    have: int | None = Field(default=None, ge=1)


class ScreenshotReply(Message):
    """A frame, by what is new in it. The attachment is pixels, little-endian 0x00RRGGBB, row after row.

    `tiles` are those that differ from the frame that the asker holds, one after another in the attachment;
    none where nothing has changed. None instead of a list: the attachment is the whole screen. `runs` says
    that the pixels are written as runs of one colour (`runs.py`).
    """

    serial: int = Field(ge=1)
    tiles: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(max_length=MAX_TILES)
    runs: bool = False
    cursor: Point


class Tree(Message):
    """`details` asks for actions, attributes and limits of values too: some calls for each object. An
    application that keeps answering may take `application_s` for all of it."""

    max_nodes: int = Field(default=5000, ge=1, le=MAX_TREE_NODES)
    showing_only: bool = True
    details: bool = False
    application_s: float = Field(default=APPLICATION_S, gt=0, le=MAX_APPLICATION_S)

    def asks_the_same_as(self, other: Tree) -> bool:
        """Whatever time either has."""
        return self == other.model_copy(update={"application_s": self.application_s})


class TreeReply(Message):
    """The attachment is a JSON list of `Node`, at most MAX_TREE_BYTES long. `cut` says what is missing of
    each application, and why."""

    nodes: int = Field(ge=0, le=MAX_TREE_NODES)
    cut: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict, max_length=500
    )


class WindowsReply(Message):
    windows: tuple[Window, ...] = Field(max_length=500)


class ClipboardDigest(Message):
    """What text the clipboard holds: its SHA-256, in hexadecimal, and its length in bytes of UTF-8."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0, le=MAX_CLIPBOARD_BYTES)


class StateReply(Message):
    """`clipboard` is None where it holds no text, or its owner does not hand it out. `pages` are those of
    browsers that were started with DevTools."""

    windows: tuple[Window, ...] = Field(max_length=500)
    clipboard: ClipboardDigest | None
    pages: tuple[Page, ...] = Field(default=(), max_length=MAX_PAGES)


class Observe(Message):
    """One look at all there is to see: arguments as of `screenshot` and `tree`."""

    screenshot: Screenshot = Screenshot()
    tree: Tree = Tree()


class ObserveReply(Message):
    """Attached are the tree's JSON, `tree_bytes` long, and then the frame's pixels.

    Frame and windows are of one moment; the tree was read just before it.
    """

    screenshot: ScreenshotReply
    tree: TreeReply
    tree_bytes: int = Field(ge=0, le=MAX_TREE_BYTES)
    state: StateReply


class WindowAction(Message):
    id: int
    do: Literal["activate", "close"]


class Act(Message):
    """Carry out a batch in order, stopping at the first that fails."""

    actions: tuple[Input, ...] = Field(min_length=1, max_length=100)


class ActReply(Message):
    """`done` actions were carried out; `failure` says why the next one was not."""

    done: int = Field(ge=0)
    failure: str | None = Field(default=None, max_length=2000)


class Settle(Message):
    """Wait until nothing new has been painted, nor announced of the tree, for `quiet_s`; give up, without an
    error, at `timeout_s`."""

    quiet_s: float = Field(default=0.1, gt=0, le=10)
    timeout_s: float = Field(default=3, gt=0, le=60)


class SettleReply(Message):
    settled: bool
    waited_s: float = Field(ge=0)


class Exec(Message):
    """Run a program to its end. The attachment of the request is its standard input."""

    argv: tuple[str, ...] = Field(min_length=1, max_length=1000)
    env: dict[str, str] = Field(default_factory=dict)
    cwd: str | None = None
    max_output: int = Field(default=MAX_OUTPUT_BYTES, ge=0, le=MAX_OUTPUT_BYTES)


class ExecReply(Message):
    """The attachment is standard output then standard error; a killed program has a negative exit code."""

    exit_code: int
    stdout_bytes: int = Field(ge=0)
    stderr_bytes: int = Field(ge=0)
    truncated: bool = Field(description="more was written than kept; the rest was read and dropped")


class Launch(Message):
    """Start a program in the session and return at once."""

    argv: tuple[str, ...] = Field(min_length=1, max_length=1000)
    env: dict[str, str] = Field(default_factory=dict)


class LaunchReply(Message):
    pid: int


class FileRead(Message):
    """The attachment of the reply is at most `size` bytes from `offset`; `~` is the home folder."""

    path: str = Field(min_length=1, max_length=4096)
    offset: int = Field(default=0, ge=0)
    size: int = Field(default=MAX_CHUNK_BYTES, ge=1, le=MAX_CHUNK_BYTES)


class FileReadReply(Message):
    total: int = Field(ge=0, description="the size of the whole file")


class FileWrite(Message):
    """Write the attachment at `offset`. Offset 0 makes the file, and its parents, anew."""

    path: str = Field(min_length=1, max_length=4096)
    offset: int = Field(default=0, ge=0)
    mode: int = Field(default=0o644, ge=0, le=0o777)


class FileList(Message):
    path: str = Field(min_length=1, max_length=4096)


class FileEntry(Message):
    name: str = Field(max_length=255)
    kind: Literal["file", "folder", "other"]
    size: int = Field(ge=0)


class FileListReply(Message):
    """None where there is no such path; a file lists itself."""

    entries: tuple[FileEntry, ...] | None = Field(max_length=10_000)


class FileRemove(Message):
    path: str = Field(min_length=1, max_length=4096)


class ClipboardReply(Message):
    """The attachment is the clipboard's text, UTF-8."""


class TunnelOpen(Message):
    """Connect to a TCP port on the desktop's own loopback."""

    port: int = Field(ge=1, le=65535)


class TunnelOpenReply(Message):
    """Also of `tunnel.accept`, which waits for a program that connects to the proxy's port."""

    tunnel: int


class TunnelRead(Message):
    """Wait for bytes; an empty attachment means the far end has closed."""

    tunnel: int


class TunnelWrite(Message):
    """Send the attachment; an empty one closes our side."""

    tunnel: int


class TunnelClose(Message):
    tunnel: int


class Operation(NamedTuple):
    args: type[Message]
    result: type[Message]


OPERATIONS: dict[str, Operation] = {
    "hello": Operation(Hello, HelloReply),
    "adopt": Operation(Adopt, Nothing),
    "heartbeat": Operation(Nothing, Nothing),
    "shutdown": Operation(Nothing, Nothing),
    "screenshot": Operation(Screenshot, ScreenshotReply),
    "tree": Operation(Tree, TreeReply),
    "observe": Operation(Observe, ObserveReply),
    "windows": Operation(Nothing, WindowsReply),
    "window": Operation(WindowAction, Nothing),
    "act": Operation(Act, ActReply),
    "settle": Operation(Settle, SettleReply),
    "exec": Operation(Exec, ExecReply),
    "launch": Operation(Launch, LaunchReply),
    "file.read": Operation(FileRead, FileReadReply),
    "file.write": Operation(FileWrite, Nothing),
    "file.list": Operation(FileList, FileListReply),
    "file.remove": Operation(FileRemove, Nothing),
    "clipboard.read": Operation(Nothing, ClipboardReply),
    "clipboard.write": Operation(Nothing, Nothing),
    "tunnel.open": Operation(TunnelOpen, TunnelOpenReply),
    "tunnel.accept": Operation(Nothing, TunnelOpenReply),
    "tunnel.read": Operation(TunnelRead, Nothing),
    "tunnel.write": Operation(TunnelWrite, Nothing),
    "tunnel.close": Operation(TunnelClose, Nothing),
}
