"""D-Bus by messages: connections, pipelined calls, and their errors."""

from __future__ import annotations

import asyncio
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

_DBUS = "org.freedesktop.DBus"
_DBUS_PATH = "/org/freedesktop/DBus"


class BusError(Exception):
    """The other end answered with an error, or with something that is no answer to the call."""


async def connect_bus(address: str) -> MessageBus:
    """Raises OSError where nothing listens there."""
    return await MessageBus(bus_address=address).connect()


async def call(
    bus: MessageBus,
    to: str,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: tuple[Any, ...] = (),
) -> Any:
    """The first value of the answer, or None where it holds none. Raises BusError."""
    message = Message(
        destination=to,
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=list(body),
    )
    reply = await bus.call(message)
    if reply is None or reply.message_type is MessageType.ERROR:
        raise BusError(f"{member}: {reply.error_name if reply else 'no answer'}")
    return reply.body[0] if reply.body else None


async def receive_signals(bus: MessageBus, interface: str) -> None:
    """Have the bus hand all signals of an interface to this connection's message handlers."""
    await call(bus, _DBUS, _DBUS_PATH, _DBUS, "AddMatch", "s", (f"type='signal',interface='{interface}'",))


async def process_id(bus: MessageBus, name: str) -> int:
    """Of the program behind a name on the bus; 0 where there is none any more."""
    try:
        return int(await call(bus, _DBUS, _DBUS_PATH, _DBUS, "GetConnectionUnixProcessID", "s", (name,)))
    except BusError:
        return 0


async def wait_for_owner(bus: MessageBus, name: str) -> None:
    """Wait until a program owns a name on the bus; the caller sets the deadline."""
    owned = asyncio.Event()

    def listener(message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.body[0] == name and message.body[2]:
            owned.set()

    bus.add_message_handler(listener)
    rule = f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='{name}'"
    await call(bus, _DBUS, _DBUS_PATH, _DBUS, "AddMatch", "s", (rule,))
    if not await call(bus, _DBUS, _DBUS_PATH, _DBUS, "NameHasOwner", "s", (name,)):
        await owned.wait()
    bus.remove_message_handler(listener)
