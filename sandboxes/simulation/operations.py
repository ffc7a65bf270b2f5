"""What a simulated desktop does when it is asked: every operation of the protocol but those of its life."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sandboxes.guest.protocol import (
    MAX_CLIPBOARD_BYTES,
    Act,
    ActReply,
    Click,
    ClipboardReply,
    Drag,
    ErrorKind,
    Exec,
    ExecReply,
    FileList,
    FileListReply,
    FileRead,
    FileReadReply,
    FileRemove,
    FileWrite,
    Input,
    Launch,
    LaunchReply,
    Message,
    Move,
    Node,
    Nothing,
    Observe,
    ObserveReply,
    Point,
    Press,
    Screenshot,
    ScreenshotReply,
    Scroll,
    Settle,
    SettleReply,
    StateReply,
    Tree,
    TreeReply,
    TunnelOpen,
    Type,
    WindowAction,
    WindowsReply,
)
from sandboxes.simulation.files import Files
from sandboxes.simulation.notes import Clipboard, Notes
from sandboxes.simulation.programs import run
from sandboxes.simulation.screen import render
from sandboxes.spec import DesktopSpec


class Answer(NamedTuple):
    result: Message
    attachment: bytes = b""
    takes_s: float = 0.0


@dataclass
class Refused(Exception):
    """A request that is answered with a failure."""

    kind: ErrorKind
    message: str


Handler = Callable[[Any, bytes], Answer]


class Operations:
    """The screen, the application and the files. `before_input` is called before every input action."""

    def __init__(self, spec: DesktopSpec, before_input: Callable[[], None]) -> None:
        self._screen = spec.screen
        self._before_input = before_input
        self._files = Files(spec.limits.disk)
        self._clipboard = Clipboard()
        self._notes = Notes(spec.screen, self._files, self._clipboard)
        self._shown: tuple[tuple[Node, ...], Point] | None = None
        self._serial = 0
        self._cursor = Point(x=spec.screen.width // 2, y=spec.screen.height // 2)
        self.handlers: dict[str, Handler] = {
            "screenshot": self._screenshot,
            "tree": self._tree,
            "observe": self._observe,
            "windows": self._windows,
            "window": self._window,
            "act": self._act,
            "settle": self._settle,
            "exec": self._exec,
            "launch": self._launch,
            "file.read": self._file_read,
            "file.write": self._file_write,
            "file.list": self._file_list,
            "file.remove": self._file_remove,
            "clipboard.read": self._clipboard_read,
            "clipboard.write": self._clipboard_write,
            "tunnel.open": self._tunnel_open,
        }

    def _screenshot(self, args: Screenshot, _data: bytes) -> Answer:
        return Answer(*self._frame(args))

    def _frame(self, args: Screenshot) -> tuple[ScreenshotReply, bytes]:
        """Whole, as runs, unless it is the one that the asker holds."""
        shown = (self._notes.nodes(), self._cursor)
        if shown != self._shown:
            self._shown, self._serial = shown, self._serial + 1
        if args.have == self._serial:
            return ScreenshotReply(serial=self._serial, tiles=(), cursor=self._cursor), b""
        runs = render(self._screen, *shown)
        return ScreenshotReply(serial=self._serial, tiles=None, runs=True, cursor=self._cursor), runs

    def _tree(self, args: Tree, _data: bytes) -> Answer:
        return Answer(*self._nodes(args))

    def _nodes(self, args: Tree) -> tuple[TreeReply, bytes]:
        nodes = self._notes.nodes()
        kept = [node.model_dump(mode="json") for node in nodes[: args.max_nodes]]
        cut = {"Notes": "over max_nodes"} if len(nodes) > len(kept) else {}
        return TreeReply(nodes=len(kept), cut=cut), json.dumps(kept).encode()

    def _observe(self, args: Observe, _data: bytes) -> Answer:
        tree, nodes = self._nodes(args.tree)
        screenshot, pixels = self._frame(args.screenshot)
        state = StateReply(windows=self._notes.windows(), clipboard=self._clipboard.digest())
        reply = ObserveReply(screenshot=screenshot, tree=tree, tree_bytes=len(nodes), state=state)
        return Answer(reply, nodes + pixels)

    def _windows(self, _args: Nothing, _data: bytes) -> Answer:
        return Answer(WindowsReply(windows=self._notes.windows()))

    def _window(self, args: WindowAction, _data: bytes) -> Answer:
        (self._notes.activate if args.do == "activate" else self._notes.close)(args.id)
        return Answer(Nothing())

    def _act(self, args: Act, _data: bytes) -> Answer:
        for done, action in enumerate(args.actions):
            self._before_input()
            if problem := self._input(action):
                return Answer(ActReply(done=done, failure=problem))
        return Answer(ActReply(done=len(args.actions)))

    def _input(self, action: Input) -> str | None:
        """Carry out one input; what is wrong with it where it cannot be."""
        points = _points_of(action)
        for point in points:
            if not (0 <= point.x < self._screen.width and 0 <= point.y < self._screen.height):
                return f"({point.x}, {point.y}) is outside the screen"
        match action:
            case Click():
                self._notes.click(action.at, action.count, action.button)
            case Drag():
                self._notes.drag(action.path[0], action.path[-1])
            case Type():
                self._notes.type(action.text)
            case Press():
                for _ in range(action.count):
                    self._notes.press(action.keys)
        self._cursor = points[-1] if points else self._cursor
        return None

    def _settle(self, args: Settle, _data: bytes) -> Answer:
        return Answer(SettleReply(settled=True, waited_s=0))

    def _exec(self, args: Exec, stdin: bytes) -> Answer:
        done = run(args.argv, stdin, self._files)
        stdout, stderr = done.stdout[: args.max_output], done.stderr[: args.max_output]
        reply = ExecReply(
            exit_code=done.exit_code,
            stdout_bytes=len(stdout),
            stderr_bytes=len(stderr),
            truncated=(len(stdout), len(stderr)) != (len(done.stdout), len(done.stderr)),
        )
        return Answer(reply, stdout + stderr, done.takes_s)

    def _launch(self, args: Launch, _data: bytes) -> Answer:
        if args.argv[0] != "notes":
            raise LookupError(f"{args.argv[0]}: a simulated desktop has only `notes`")
        self._notes.launch(args.argv[1] if len(args.argv) > 1 else None)
        return Answer(LaunchReply(pid=1000))

    def _file_read(self, args: FileRead, _data: bytes) -> Answer:
        data = self._files.read(args.path)
        return Answer(FileReadReply(total=len(data)), data[args.offset : args.offset + args.size])

    def _file_write(self, args: FileWrite, data: bytes) -> Answer:
        self._files.write(args.path, data, args.offset)
        return Answer(Nothing())

    def _file_list(self, args: FileList, _data: bytes) -> Answer:
        return Answer(FileListReply(entries=self._files.entries(args.path)))

    def _file_remove(self, args: FileRemove, _data: bytes) -> Answer:
        self._files.remove(args.path)
        return Answer(Nothing())

    def _clipboard_read(self, _args: Nothing, _data: bytes) -> Answer:
        return Answer(ClipboardReply(), self._clipboard.text.encode())

    def _clipboard_write(self, _args: Nothing, data: bytes) -> Answer:
        if len(data) > MAX_CLIPBOARD_BYTES:
            raise Refused("bad_request", f"clipboard: {len(data)} bytes are over {MAX_CLIPBOARD_BYTES}")
        self._clipboard.text = data.decode(errors="replace")
        return Answer(Nothing())

    def _tunnel_open(self, args: TunnelOpen, _data: bytes) -> Answer:
        raise LookupError(f"nothing listens on port {args.port}: a simulated desktop has no network")


def _points_of(action: Input) -> tuple[Point, ...]:
    match action:
        case Move():
            return (action.to,)
        case Click() | Scroll():
            return (action.at,)
        case Drag():
            return action.path
    return ()
