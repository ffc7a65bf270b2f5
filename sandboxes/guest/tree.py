"""The accessibility tree of all applications together."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anyio
from dbus_fast.aio import MessageBus

from .accessible import MAX_TEXT, Accessible, Application
from .atspi import ACCESSIBLE, ACTIVE, ROOT_PATH, role_name, state_names
from .bus import BusError, call, connect_bus
from .failures import RequestFailed
from .protocol import MAX_TREE_BYTES, Tree, TreeReply

_APPLICATION_S = 2.0
_MAX_NAME = 1000
_MAX_APP = 200
_REGISTRY = "org.a11y.atspi.Registry"
_REGISTRY_PATH = "/org/a11y/atspi/registry"
_NEVER_SENT = "terminal:charwidth-changed"


class Accessibility:
    """Reads the tree through the accessibility bus, found through the session bus."""

    def __init__(self, session_bus: MessageBus) -> None:
        self._session_bus = session_bus
        self._bus: MessageBus | None = None
        self._names: dict[str, str] = {}
        self._connecting = anyio.Lock()

    async def connect(self) -> MessageBus:
        """Connect, and make applications fill their caches: they do so only while somebody listens to
        events, so ask for one that none ever sends."""
        async with self._connecting:
            if self._bus is None or not self._bus.connected:
                address = await call(
                    self._session_bus, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress"
                )
                self._bus = await connect_bus(address)
                await call(
                    self._bus, _REGISTRY, _REGISTRY_PATH, _REGISTRY, "RegisterEvent", "s", (_NEVER_SENT,)
                )
            return self._bus

    async def tree(self, args: Tree, _: bytes) -> tuple[TreeReply, bytes]:
        """All applications at once, each under its own deadline; `cut` names what is missing of which."""
        try:
            bus = await self.connect()
            owners = await call(bus, _REGISTRY, ROOT_PATH, ACCESSIBLE, "GetChildren")
        except (BusError, OSError) as error:
            raise RequestFailed("internal", f"tree: {error}") from error
        applications = [
            Application(bus, owner, showing_only=args.showing_only, max_nodes=args.max_nodes)
            for owner, _path in owners
        ]
        await asyncio.gather(*(self._read(application) for application in applications))
        return self._assemble(applications, args.max_nodes)

    async def _read(self, application: Application) -> None:
        with anyio.move_on_after(_APPLICATION_S) as scope:
            await application.read()
        if scope.cancelled_caught:
            application.cut = f"it did not answer all within {_APPLICATION_S:g} s"
        if application.root is not None:
            self._names[application.owner] = application.root.name

    def _assemble(self, applications: list[Application], max_nodes: int) -> tuple[TreeReply, bytes]:
        """The application in use first: should the nodes be too many, those of others are cut."""
        nodes = _Nodes(max_nodes)
        cut: dict[str, str] = {}
        for application in sorted(applications, key=_not_in_use):
            name = (self._names.get(application.owner) or application.owner)[:_MAX_APP]
            if application.root is not None and not nodes.add(application.root, name):
                application.cut = f"the tree is limited to {max_nodes} nodes and {MAX_TREE_BYTES} bytes"
            if application.cut:
                cut[name] = application.cut
        return TreeReply(nodes=len(nodes.encoded), cut=cut), b"[" + b",".join(nodes.encoded) + b"]"


def _not_in_use(application: Application) -> bool:
    root = application.root
    return root is None or not any(window.states & ACTIVE for window in root.children)


class _Nodes:
    """The nodes of the reply, as JSON, bounded in number and size."""

    def __init__(self, max_nodes: int) -> None:
        self.encoded: list[bytes] = []
        self._max_nodes = max_nodes
        self._bytes_left = MAX_TREE_BYTES - 2

    def add(self, root: Accessible, app: str) -> bool:
        """Add an application depth-first, parents before children; whether all found room."""
        waiting: list[tuple[Accessible, int | None]] = [(root, None)]
        while waiting:
            accessible, parent = waiting.pop()
            if accessible.hidden:
                continue
            waiting.extend((child, len(self.encoded)) for child in reversed(accessible.children))
            node = json.dumps(_node(accessible, parent, app), ensure_ascii=False).encode()
            self._bytes_left -= len(node) + 1
            if len(self.encoded) >= self._max_nodes or self._bytes_left < 0:
                return False
            self.encoded.append(node)
        return True


def _node(accessible: Accessible, parent: int | None, app: str) -> dict[str, Any]:
    node: dict[str, Any] = {
        "role": role_name(accessible.role),
        "name": accessible.name.strip()[:_MAX_NAME],
        "text": accessible.text[:MAX_TEXT],
        "states": state_names(accessible.states),
        "parent": parent,
        "app": app,
    }
    if accessible.extents is not None:
        x, y, width, height = accessible.extents
        node["rect"] = {"x": x, "y": y, "width": width, "height": height}
    return node
