"""One application's accessible objects, read in bulk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dbus_fast.aio import MessageBus

from .atspi import (
    ACCESSIBLE,
    ADDRESS_ATTRIBUTES,
    CACHE,
    CACHE_PATH,
    CELL,
    CLOSED_MENU,
    COMPONENT,
    DOCUMENT,
    EDITABLE,
    ICONIFIED,
    NAMED_BY_DESCRIPTION,
    OF_ONE,
    OPEN,
    PROPERTIES,
    READ_AS_TEXT,
    READ_AS_VALUE,
    ROOT_PATH,
    SCREEN_COORDINATES,
    SHOWING,
    TEXT,
    VALUE,
    WEB_PAGE,
)
from .bus import BusError, call
from .details import read_details
from .protocol import Tree
from .sheet import Known, Place, Sheet
from .shifted import NOT_SHIFTED, Shift, find_shifts
from .visible import visible_children

MAX_TEXT = 2000
_MAX_CALLS = 16
_MAX_CHILDREN = 400
_MAX_CUT = 900
_REPLACED_OBJECT = "\ufffc"

Extents = tuple[int, int, int, int]


@dataclass(slots=True, eq=False)
class Accessible:
    """One object. `child_count` is -1 where the application does not say it in bulk. `identity` is its path,
    or its `place` in a sheet: LibreOffice makes the cells anew for who asks. `shift` is how far it is from
    where it says it is; `extents` are true. `window` is the name of the one it is in; `covered` says that
    all of it is behind another. `read` says that nothing more is to be asked of it."""

    path: str
    role: int
    name: str
    states: int
    interfaces: frozenset[str]
    child_count: int
    children: list[Accessible] = field(default_factory=list)
    extents: Extents | None = None
    text: str = ""
    address: str = ""
    identity: str = ""
    range: dict[str, float] | None = None
    actions: list[dict[str, str]] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    place: Place | None = None
    shift: Shift = NOT_SHIFTED
    window: str = ""
    covered: bool = False
    read: bool = False

    @property
    def showing(self) -> bool:
        return bool(self.states & SHOWING)

    @property
    def hidden(self) -> bool:
        """It says that it shows, but holds nothing and covers no pixel, as the unused parts of a list row."""
        return self.showing and self.extents is None and not self.children and COMPONENT in self.interfaces


class Application:
    """Reads one application. What has been read when a deadline interrupts it stays in `root`.

    Few calls are under way at a time: more would only fill the sockets' buffers.
    """

    def __init__(self, bus: MessageBus, owner: str, wanted: Tree, heard: Callable[[], None]) -> None:
        """`heard` is called at each of its answers."""
        self._bus = bus
        self._heard = heard
        self.owner = owner
        self.showing_only = wanted.showing_only
        self._max_nodes = wanted.max_nodes
        self.details = wanted.details
        self._calls = asyncio.Semaphore(_MAX_CALLS)
        self._cached: dict[str, Accessible] = {}
        self._seen: set[str] = set()
        self.known = Known()
        self.sheets: dict[str, Sheet] = {}
        self.root: Accessible | None = None
        self.cut: str | None = None

    async def read(self) -> None:
        """Read names, roles and states, then places, then texts."""
        await self._read_cache()
        self.root = self._cached.get(ROOT_PATH) or await self._describe(ROOT_PATH)
        if self.root is None:
            self.cut = "it does not say what it is"
            return
        nodes = [node for node in await self._read_levels(self.root) if not node.read]
        showing = [node for node in nodes if node.showing]
        await self.together(self.read_extents(node) for node in showing if COMPONENT in node.interfaces)
        await self.together(self._read_text(node) for node in showing)
        if self.details:
            await read_details(self, nodes)
        for node in nodes:
            node.read = True

    def leave_out(self, what: str) -> None:
        """Say that something is missing of what was asked for."""
        self.cut = f"{self.cut}; left out: {what}"[:_MAX_CUT] if self.cut else f"left out: {what}"[:_MAX_CUT]

    async def ask(
        self, path: str, interface: str, member: str, signature: str = "", body: tuple[Any, ...] = ()
    ) -> Any:
        """The answer to one call, or None where it is an error."""
        async with self._calls:
            try:
                answer = await call(self._bus, self.owner, path, interface, member, signature, body)
            except BusError:
                answer = None
            self._heard()
            return answer

    async def get(self, path: str, interface: str, name: str) -> Any:
        """The value of a property. (Qt crashes when asked for all properties at once.)"""
        found = await self.ask(path, PROPERTIES, "Get", "ss", (interface, name))
        return None if found is None else found.value

    async def _read_cache(self) -> None:
        """All objects that the application holds ready; of lists and tables, most are not."""
        items = await self.ask(CACHE_PATH, CACHE, "GetItems") or []
        parents: list[tuple[int, str, Accessible]] = []
        for (_, path), _app, (_, parent), index, count, interfaces, name, role, about, states in items:
            known = isinstance(count, int)
            label = name or (about if role in NAMED_BY_DESCRIPTION else "")
            node = Accessible(
                path, role, label, _bits(states), frozenset(interfaces), count if known else len(count)
            )
            self._cached[path] = node
            parents.append((index if known else 0, parent, node))
        for _, parent, node in sorted(parents, key=lambda entry: entry[0]):
            if parent in self._cached and node.path != ROOT_PATH:
                self._cached[parent].children.append(node)

    async def _read_levels(self, root: Accessible) -> list[Accessible]:
        """The objects to report, level by level, so that the calls of one level travel together."""
        nodes, level = [root], [root]
        while level:
            await self.together(self._complete(node) for node in level)
            for node in level:
                node.children = [child for child in node.children if self._wanted(child)]
                for child in node.children:
                    child.window = child.name if node is root else node.window
            await find_shifts(self, level)
            level = [child for node in level for child in node.children]
            nodes += level
            if len(nodes) > self._max_nodes:
                self.cut = f"more than {self._max_nodes} objects"
                level = []
        return nodes

    def _wanted(self, node: Accessible) -> bool:
        if node.path in self._seen or node.states & ICONIFIED:
            return False
        self._seen.add(node.path)
        return node.showing or not self.showing_only

    async def _complete(self, node: Accessible) -> None:
        """Find the children that the cache does not hold."""
        if node.child_count == len(node.children) or self._is_closed(node):
            return
        count = (
            node.child_count if node.child_count >= 0 else await self.get(node.path, ACCESSIBLE, "ChildCount")
        )
        if count is not None and count > _MAX_CHILDREN:
            node.children = await visible_children(self, node, count)
        elif count:
            found = await self.ask(node.path, ACCESSIBLE, "GetChildren") or ()
            node.children = await self.find([path for owner, path in found if owner == self.owner])

    def _is_closed(self, node: Accessible) -> bool:
        return self.showing_only and node.role in CLOSED_MENU and not node.states & OPEN

    async def find(self, paths: list[str]) -> list[Accessible]:
        """The objects of these paths, without those that have gone."""
        found = await self.together(self._find(path) for path in paths)
        return [node for node in found if node is not None]

    async def _find(self, path: str) -> Accessible | None:
        return self._cached.get(path) or await self._describe(path)

    async def _describe(self, path: str) -> Accessible | None:
        """Ask for what the cache would have said."""
        role, states, interfaces, name, count = await self.together(
            (
                self.ask(path, ACCESSIBLE, "GetRole"),
                self.ask(path, ACCESSIBLE, "GetState"),
                self.ask(path, ACCESSIBLE, "GetInterfaces"),
                self.get(path, ACCESSIBLE, "Name"),
                self.get(path, ACCESSIBLE, "ChildCount"),
            )
        )
        if role is None or states is None:
            return None
        if not name and role in NAMED_BY_DESCRIPTION:
            name = await self.get(path, ACCESSIBLE, "Description")
        return Accessible(path, role, name or "", _bits(states), frozenset(interfaces or ()), count or 0)

    async def find_alike(
        self, paths: list[str], names: Sequence[str | None] | None = None
    ) -> list[Accessible | None]:
        """The objects of many paths that differ in little but their names; None for those that have gone."""
        model = await self._describe(paths[0]) if paths else None
        if model is None:
            return [None] * len(paths)
        if names is None:
            names = await self.together(self.get(path, ACCESSIBLE, "Name") for path in paths)
        states = model.states & ~OF_ONE
        return [
            model,
            *(
                None if name is None else Accessible(path, model.role, name, states, model.interfaces, 0)
                for path, name in zip(paths[1:], names[1:], strict=True)
            ),
        ]

    async def read_states(self, node: Accessible) -> None:
        words = await self.ask(node.path, ACCESSIBLE, "GetState")
        node.states = _bits(words) if words else node.states

    async def read_extents(self, node: Accessible) -> None:
        if node.extents is None:
            found = await self.ask(node.path, COMPONENT, "GetExtents", "u", (SCREEN_COORDINATES,))
            if found and found[2] > 0 and found[3] > 0:
                x, y, width, height = found
                node.extents = (x + node.shift[0], y + node.shift[1], width, height)

    async def _read_text(self, node: Accessible) -> None:
        if TEXT in node.interfaces and self._is_content(node):
            # A text may be a book, but not a cell: there one call is enough.
            length = -1 if node.role == CELL else await self.get(node.path, TEXT, "CharacterCount")
            if length:
                text = await self.ask(node.path, TEXT, "GetText", "ii", (0, min(length, MAX_TEXT)))
                node.text = (text or "").replace(_REPLACED_OBJECT, "")
        elif DOCUMENT in node.interfaces and node.role == WEB_PAGE:
            await self._read_address(node)
        elif VALUE in node.interfaces and node.role in READ_AS_VALUE:
            value = await self.get(node.path, VALUE, "CurrentValue")
            node.text = "" if value is None else f"{value:g}"

    async def _read_address(self, node: Accessible) -> None:
        for name in ADDRESS_ATTRIBUTES:
            if not node.address:
                address = await self.ask(node.path, DOCUMENT, "GetAttributeValue", "s", (name,))
                node.address = address or ""

    def _is_content(self, node: Accessible) -> bool:
        """The text of others, such as labels, is their name."""
        return self.details or node.role in READ_AS_TEXT or bool(node.states & EDITABLE)

    async def together(self, calls: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
        """The answers to calls that travel together."""
        return await asyncio.gather(*calls)


def _bits(words: list[int]) -> int:
    return words[0] | words[1] << 32 if len(words) > 1 else words[0]
