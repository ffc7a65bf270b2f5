"""The accessibility tree of all applications together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from .accessible import Application
from .atspi import ACCESSIBLE, ACTIVE, PEER, ROOT_PATH
from .bus import BusError, call, connect_bus, process_id, receive_signals
from .failures import RequestFailed
from .nodes import encode_nodes
from .painters import Painters
from .patience import Answers, Patience
from .protocol import MAX_TREE_BYTES, Tree, TreeReply
from .sheet import Known, Sheet
from .stacking import Stacking
from .windows import Windows

_MAX_APP = 200
_REGISTRY = "org.a11y.atspi.Registry"
_REGISTRY_PATH = "/org/a11y/atspi/registry"
_EVENTS = "org.a11y.atspi.Event."
_WATCHED = ("object", "window", "document")
_MAX_ANNOUNCED = 1000

_Event = tuple[str, str, str]
"""Three strings that tell one event from others."""


@dataclass(slots=True)
class _Look:
    """What one application said when it was read. It is `stale` once that may have changed: it has
    announced an event, or something was painted in a window of its process.

    Some announce events for being read: the `echo` is what comes with reading though nothing has changed.
    """

    wanted: Tree
    answers: Answers
    pid: int = 0
    whole: bool = False
    stale: bool = False
    sheets: Mapping[str, Sheet] = field(default_factory=dict)
    stacking: Stacking = field(default_factory=Stacking)
    announced: set[_Event] = field(default_factory=set)
    echo: frozenset[_Event] = frozenset()
    in_use: bool = False
    name: str = ""
    cut: str | None = None
    nodes: list[bytes] = field(default_factory=list)

    def note(self, event: _Event) -> None:
        """An announcement; one that comes while the application is read is judged when it has been."""
        if self.whole or len(self.announced) >= _MAX_ANNOUNCED:
            self.stale = True
        else:
            self.announced.add(event)

    def finish(self, last: _Look | None, *, whole: bool) -> None:
        """All has been read that was to be had."""
        if last is not None:
            self.echo = last.echo | self.announced if last.nodes == self.nodes else last.echo
        self.stale = self.stale or not self.announced <= self.echo
        self.whole = whole


class Accessibility:
    """Reads the tree through the accessibility bus, found through the session bus.

    What an application said is kept until it may have changed. It is asked for a sign of life all the same:
    what it had to announce arrives before its answer does.
    """

    def __init__(self, session_bus: MessageBus, painters: Painters, windows: Windows) -> None:
        self._session_bus = session_bus
        self._windows = windows
        self._painters = painters
        self._bus: MessageBus | None = None
        self._names: dict[str, str] = {}
        self._looks: dict[str, _Look] = {}
        self._watchers: list[Callable[[_Event], None]] = []
        self._connecting = anyio.Lock()

    async def connect(self) -> MessageBus:
        """Connect, and listen to events: only while somebody does do applications fill their caches."""
        async with self._connecting:
            if self._bus is None or not self._bus.connected:
                self._looks.clear()
                address = await call(
                    self._session_bus, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress"
                )
                bus = await connect_bus(address)
                bus.add_message_handler(self._announced)
                for kind in _WATCHED:
                    await receive_signals(bus, _EVENTS + kind.capitalize())
                    await call(bus, _REGISTRY, _REGISTRY_PATH, _REGISTRY, "RegisterEvent", "s", (f"{kind}:",))
                self._bus = bus
            return self._bus

    @contextmanager
    def telling(self, watcher: Callable[[_Event], None]) -> Iterator[None]:
        """Inside the block, tell of what applications announce: who, the kind of event, and the object."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    async def tree(self, args: Tree, _: bytes) -> tuple[TreeReply, bytes]:
        """All applications at once, each under its own deadline; `cut` names what is missing of which."""
        try:
            bus = await self.connect()
            children = await call(bus, _REGISTRY, ROOT_PATH, ACCESSIBLE, "GetChildren")
        except (BusError, OSError) as error:
            raise RequestFailed("internal", f"tree: {error}") from error
        owners = [owner for owner, _path in children]
        looks = await asyncio.gather(*(self._look(bus, owner, args) for owner in owners))
        self._looks = {owner: look for owner, look in self._looks.items() if owner in owners}
        return _assemble(looks, args.max_nodes)

    def processes(self) -> frozenset[int]:
        """The process ids of the applications in the last tree."""
        return frozenset(look.pid for look in self._looks.values())

    async def _look(self, bus: MessageBus, owner: str, args: Tree) -> _Look:
        """What an application shows: what it said last, where that still holds."""
        last = self._looks.get(owner)
        look = _Look(args, last.answers if last is not None else Answers())
        with anyio.CancelScope() as scope:
            patience = Patience(scope, args.application_s)
            application = Application(bus, owner, args, patience.heard)
            await look.answers.caught_up()
            patience.expect(look.answers.slowest_s)
            if last is not None and await self._still_holds(bus, owner, last, args):
                return last
            look.pid = last.pid if last is not None else await process_id(bus, owner)
            look.stacking = Stacking(look.pid, self._windows.all)
            self._looks[owner] = look
            application.known = Known(_sheets(last, args), look.stacking)
            await application.read()
        whole = not scope.cancelled_caught
        look.sheets = application.sheets if whole else application.known.sheets
        look.cut = "; ".join(filter(None, (patience.complaint(), application.cut))) or None
        self._take(look, application)
        look.finish(last, whole=whole)
        if whole:
            look.answers.slowest_s = patience.slowest_s
        else:
            look.answers.owe(bus, owner, patience.heard_at)
        return look

    def _take(self, look: _Look, application: Application) -> None:
        root, owner = application.root, application.owner
        if root is not None:
            self._names[owner] = root.name
        look.name = (self._names.get(owner) or owner)[:_MAX_APP]
        if root is not None:
            look.in_use = any(window.states & ACTIVE for window in root.children)
            look.nodes = encode_nodes(root, owner, look.name)

    async def _still_holds(self, bus: MessageBus, owner: str, look: _Look, args: Tree) -> bool:
        if not look.whole or not look.wanted.asks_the_same_as(args):
            return False
        try:
            await call(bus, owner, ROOT_PATH, PEER, "Ping")
        except BusError:
            return False  # It has gone.
        self._note_paint()
        return not look.stale and look.stacking.still_holds()

    def _note_paint(self) -> None:
        painters = self._painters.since_last()
        for look in self._looks.values():
            look.stale = look.stale or painters is None or look.pid in painters

    def _announced(self, message: Message) -> None:
        """Called for every message that arrives."""
        if message.message_type is not MessageType.SIGNAL:
            return
        for watcher in self._watchers:
            watcher((message.sender or "", message.member or "", message.path or ""))
        if look := self._looks.get(message.sender or ""):
            look.note((message.member or "", str(message.body[:1]), message.path or ""))


def _sheets(last: _Look | None, args: Tree) -> Mapping[str, Sheet]:
    """What is known of the sheets from before."""
    return last.sheets if last is not None and last.wanted.asks_the_same_as(args) else {}


def _assemble(looks: list[_Look], max_nodes: int) -> tuple[TreeReply, bytes]:
    """The application in use first: should the nodes be too many, those of others are cut."""
    count, bytes_left = 0, MAX_TREE_BYTES
    cut: dict[str, str] = {}
    lists: list[bytes] = []
    for look in sorted(looks, key=lambda look: not look.in_use):
        fitting = _fitting(look.nodes, max_nodes - count, bytes_left)
        if fitting:
            lists.append(b"[" + b",".join(look.nodes[:fitting]) + b"]")
            count, bytes_left = count + fitting, bytes_left - len(lists[-1]) - 1
        why = look.cut
        if fitting < len(look.nodes):
            why = f"the tree is limited to {max_nodes} nodes and {MAX_TREE_BYTES} bytes"
        if why:
            cut[look.name] = why
    return TreeReply(nodes=count, cut=cut), b"\n".join(lists)


def _fitting(nodes: list[bytes], room: int, bytes_left: int) -> int:
    """How many nodes there is room for, with what stands between and around them."""
    bytes_left -= 2
    for count, node in enumerate(nodes[:room]):
        bytes_left -= len(node) + 1
        if bytes_left < 0:
            return count
    return min(len(nodes), room)
