"""Run inside a desktop: walks the accessible objects one call after another, as a plain client would.

Reads from standard input which cells of tables of over MANY cells to visit, by id: {id: [id, ...]};
writes {id: {role, name, text, states, rect, parent}} of all showing objects.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from deskswarm_guest import atspi  # type: ignore[import-not-found]

MANY = 400
PREFIX = "/org/a11y/atspi/accessible/"
NOWHERE = "/org/a11y/atspi/null"


class Walk:
    def __init__(self, bus: MessageBus, large: dict[str, list[str]]) -> None:
        self.bus = bus
        self.large = large
        self.found: dict[str, dict[str, Any]] = {}

    async def ask(self, owner: str, path: str, interface: str, member: str, *body: Any) -> Any:
        signature = "".join("s" if isinstance(value, str) else "i" for value in body)
        signature = "u" if member == "GetExtents" else signature
        message = Message(
            destination=owner,
            path=path,
            interface=f"org.a11y.atspi.{interface}" if interface != "Properties" else atspi.PROPERTIES,
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = await self.bus.call(message)
        if reply is None or reply.message_type is MessageType.ERROR or not reply.body:
            return None
        return reply.body[0]

    async def get(self, owner: str, path: str, interface: str, name: str) -> Any:
        found = await self.ask(owner, path, "Properties", "Get", f"org.a11y.atspi.{interface}", name)
        return None if found is None else found.value

    async def visit(self, owner: str, path: str, parent: str | None) -> None:
        identity = f"{owner[1:]}/{path.removeprefix(PREFIX)}"
        words = await self.ask(owner, path, "Accessible", "GetState")
        if identity in self.found or words is None:
            return
        states = words[0] | words[1] << 32
        if parent is not None and (not states & atspi.SHOWING or states & atspi.ICONIFIED):
            return
        self.found[identity] = await self.describe(owner, path, states) | {"parent": parent}
        for child_owner, child in await self.children(owner, path, identity):
            if child != NOWHERE and child_owner == owner:
                await self.visit(owner, child, identity)

    async def describe(self, owner: str, path: str, states: int) -> dict[str, Any]:
        role = await self.ask(owner, path, "Accessible", "GetRole")
        interfaces = await self.ask(owner, path, "Accessible", "GetInterfaces") or []
        name = await self.get(owner, path, "Accessible", "Name")
        rect = text = None
        if atspi.COMPONENT in interfaces and states & atspi.SHOWING:
            rect = await self.ask(owner, path, "Component", "GetExtents", 0)
        if atspi.TEXT in interfaces:
            length = await self.get(owner, path, "Text", "CharacterCount") or 0
            text = await self.ask(owner, path, "Text", "GetText", 0, min(length, 2000))
        return {
            "role": atspi.role_name(role),
            "name": name,
            "description": await self.get(owner, path, "Accessible", "Description"),
            "states": atspi.state_names(states),
            "rect": rect,
            "text": text,
            "interfaces": interfaces,
        }

    async def children(self, owner: str, path: str, identity: str) -> list[tuple[str, str]]:
        count = await self.get(owner, path, "Accessible", "ChildCount") or 0
        if count > MANY:
            await self.visit_cells(owner, path, identity)
            return []
        found = [await self.ask(owner, path, "Accessible", "GetChildAtIndex", i) for i in range(count)]
        return [(child[0], child[1]) for child in found if child]

    async def visit_cells(self, owner: str, path: str, table: str) -> None:
        """The cells of a table whose ids end in a row and a column."""
        for cell in self.large.get(table, []):
            row, column = map(int, cell.rpartition(":")[2].split(","))
            found = await self.ask(owner, path, "Table", "GetAccessibleAt", row, column)
            words = await self.ask(owner, found[1], "Accessible", "GetState")
            states = words[0] | words[1] << 32
            self.found[cell] = await self.describe(owner, found[1], states) | {"parent": table}


async def main() -> None:
    session = await MessageBus().connect()
    message = Message(
        destination="org.a11y.Bus", path="/org/a11y/bus", interface="org.a11y.Bus", member="GetAddress"
    )
    address = await session.call(message)
    assert address is not None
    bus = await MessageBus(bus_address=address.body[0]).connect()
    walk = Walk(bus, json.load(sys.stdin))
    registry = "org.a11y.atspi.Registry"
    for index in range(await walk.get(registry, f"{PREFIX}root", "Accessible", "ChildCount")):
        child = await walk.ask(registry, f"{PREFIX}root", "Accessible", "GetChildAtIndex", index)
        await walk.visit(child[0], child[1], None)
    json.dump(walk.found, sys.stdout)


asyncio.run(main())
