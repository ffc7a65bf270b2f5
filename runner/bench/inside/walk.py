"""The baseline of an accessibility tree: a recursive walk, one object at a time, one call after the other.

This is what a walk through pyatspi does (the desktop has neither pyatspi nor gi, so it speaks D-Bus
itself): every object is asked for each of its children and for every attribute OSWorld's tree holds, and
no call is sent before the last was answered. A sheet is left at the edge of what shows, as OSWorld does,
and places and texts are read only of what shows.
"""

from __future__ import annotations

from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

_ROOT = "/org/a11y/atspi/accessible/root"
_REGISTRY = "org.a11y.atspi.Registry"
_ATSPI = "org.a11y.atspi."
_PROPERTIES = "org.freedesktop.DBus.Properties"
_NOWHERE = "/org/a11y/atspi/null"
_OF_AN_ACTION = ("GetName", "GetDescription", "GetKeyBinding")
_VALUES = ("CurrentValue", "MinimumValue", "MaximumValue", "MinimumIncrement")
_ICONIFIED, _SHOWING, _OPEN = 1 << 15, 1 << 25, 1 << 2 | 1 << 10 | 1 << 12 | 1 << 23
_MENU = 33
_MANY_CHILDREN = 400

Node = dict[str, Any]


class Walker:
    """Walks the whole desktop, again and again, over one connection. `calls` counts the last walk's."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._showing_only = True
        self._details = True
        self.calls = 0

    @classmethod
    async def connect(cls) -> Walker:
        session = await MessageBus().connect()
        reply = await session.call(
            Message(
                destination="org.a11y.Bus",
                path="/org/a11y/bus",
                interface="org.a11y.Bus",
                member="GetAddress",
            )
        )
        assert reply is not None
        session.disconnect()
        return cls(await MessageBus(bus_address=reply.body[0]).connect())

    async def walk(self, showing_only: bool, details: bool) -> list[Node]:
        """All objects, or those that show and have only such ancestors; parents before children.

        `details` are values, actions and attributes.
        """
        self.calls = 0
        self._showing_only, self._details = showing_only, details
        nodes: list[Node] = []
        for owner, path in await self._ask(_REGISTRY, _ROOT, "Accessible", "GetChildren") or ():
            await self._visit(owner, path, await self._states(owner, path), nodes, None)
        return nodes

    async def description(self, owner: str, path: str) -> str:
        """What an object that has no name says of itself."""
        return await self._get(owner, path, "Accessible", "Description") or ""

    async def _visit(self, owner: str, path: str, states: int, nodes: list[Node], parent: int | None) -> None:
        role = await self._ask(owner, path, "Accessible", "GetRole")
        if role is None:
            return
        interfaces: list[str] = await self._ask(owner, path, "Accessible", "GetInterfaces") or []
        node: Node = {
            "owner": owner,
            "path": path,
            "parent": parent,
            "role": role,
            "name": await self._get(owner, path, "Accessible", "Name") or "",
            "states": states,
        }
        place = len(nodes)
        nodes.append(node)
        await self._read(owner, path, interfaces, node)
        if not self._showing_only or role != _MENU or states & _OPEN:
            await self._visit_children(owner, path, interfaces, nodes, place)
        _, _, width, height = node.get("extents") or (0, 0, 1, 1)
        if len(nodes) == place + 1 and (width <= 0 or height <= 0):
            nodes.pop()  # holds nothing and covers no pixel, whatever it says of itself

    async def _visit_children(
        self, owner: str, path: str, interfaces: list[str], nodes: list[Node], parent: int
    ) -> None:
        count = await self._get(owner, path, "Accessible", "ChildCount") or 0
        if count > _MANY_CHILDREN and _ATSPI + "Table" in interfaces:
            await self._visit_sheet(owner, path, count, nodes, parent)
            return
        for index in range(count):
            child = await self._ask(owner, path, "Accessible", "GetChildAtIndex", "i", index)
            if child is not None and child[1] != _NOWHERE:
                await self._visit_wanted(child[0], child[1], nodes, parent, self._showing_only)

    async def _read(self, owner: str, path: str, interfaces: list[str], node: Node) -> None:
        if node["states"] & _SHOWING:
            if _ATSPI + "Component" in interfaces:
                node["extents"] = await self._ask(owner, path, "Component", "GetExtents", "u", 0)
            if _ATSPI + "Text" in interfaces:
                node["text"] = await self._ask(owner, path, "Text", "GetText", "ii", 0, -1)
        if self._details:
            node["attributes"] = await self._ask(owner, path, "Accessible", "GetAttributes")
            if _ATSPI + "Value" in interfaces:
                node["value"] = [await self._get(owner, path, "Value", name) for name in _VALUES]
            if _ATSPI + "Action" in interfaces:
                node["actions"] = await self._read_actions(owner, path)

    async def _read_actions(self, owner: str, path: str) -> list[list[Any]]:
        return [
            [await self._ask(owner, path, "Action", member, "i", index) for member in _OF_AN_ACTION]
            for index in range(await self._get(owner, path, "Action", "NActions") or 0)
        ]

    async def _visit_wanted(
        self, owner: str, path: str, nodes: list[Node], parent: int, showing_only: bool
    ) -> bool:
        states = await self._states(owner, path)
        if states & _ICONIFIED or (showing_only and not states & _SHOWING):
            return False
        await self._visit(owner, path, states, nodes, parent)
        return True

    async def _visit_sheet(self, owner: str, path: str, count: int, nodes: list[Node], parent: int) -> None:
        """Row by row from its first cell, each row and the whole up to the first cell that does not show."""
        columns = await self._get(owner, path, "Table", "NColumns")
        for row in range(count // columns):
            for column in range(columns):
                index = row * columns + column
                cell = await self._ask(owner, path, "Accessible", "GetChildAtIndex", "i", index)
                if cell is None or not await self._visit_wanted(cell[0], cell[1], nodes, parent, True):
                    break
                nodes[-1]["place"] = row, column
            if column == 0:
                return

    async def _states(self, owner: str, path: str) -> int:
        words = await self._ask(owner, path, "Accessible", "GetState") or (0,)
        return int(sum(word << 32 * index for index, word in enumerate(words)))

    async def _get(self, owner: str, path: str, interface: str, name: str) -> Any:
        found = await self._call(owner, path, _PROPERTIES, "Get", "ss", (_ATSPI + interface, name))
        return None if found is None else found.value

    async def _ask(
        self, owner: str, path: str, interface: str, member: str, signature: str = "", *arguments: Any
    ) -> Any:
        return await self._call(owner, path, _ATSPI + interface, member, signature, arguments)

    async def _call(
        self, owner: str, path: str, interface: str, member: str, signature: str, arguments: tuple[Any, ...]
    ) -> Any:
        self.calls += 1
        reply = await self._bus.call(
            Message(
                destination=owner,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(arguments),
            )
        )
        if reply is None or reply.message_type is MessageType.ERROR:
            return None
        return reply.body[0] if reply.body else None
