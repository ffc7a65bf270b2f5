"""A desktop, as the holder of its lease uses it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from sandboxes.browser import open_browser
from sandboxes.capture import Held, check_view, receive, view
from sandboxes.clipboard import Clipboard
from sandboxes.connection import Connection
from sandboxes.deadline import deadline
from sandboxes.egress.proxy import OnConnection
from sandboxes.errors import ActionFailed, DesktopLost, ProtocolError, StaleLease
from sandboxes.files import Files
from sandboxes.frame import Frame
from sandboxes.guest import protocol
from sandboxes.guest.protocol import APPLICATION_S, Button, Input, Nothing, Rect, Window
from sandboxes.inputs import checked
from sandboxes.lease import Lease
from sandboxes.locator import Locator
from sandboxes.observation import ExecResult, Observation, Screenshot, Settled, UiTree
from sandboxes.query import Query
from sandboxes.snapshot import Snapshot
from sandboxes.spec import DesktopSpec, Screen
from sandboxes.tree_reader import TreeReader
from sandboxes.tunnel import Address, open_tunnel

if TYPE_CHECKING:
    from playwright.async_api import Browser

__all__ = ["Desktop", "ExecResult", "Observation", "Screenshot", "Settled", "UiTree"]

START_TIMEOUT_S = 60.0
ACTION_TIMEOUT_S = 30.0
LOOK_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0

Point = tuple[int, int]


class DesktopHost(Protocol):
    """What a desktop asks of the host that made it (`sandboxes.host.Host`)."""

    async def connect(self, lease: Lease, on_connection: OnConnection | None = ...) -> Connection: ...

    async def stop(self, desktop_id: str) -> None: ...

    async def fork(self, desktop_id: str, *, holder: str, timeout: float = ...) -> Desktop: ...

    async def snapshot(self, desktop_id: str, label: str = "") -> Snapshot: ...


class Desktop:
    """One disposable desktop. `async with` stops it at the end, unless it was handed over.

    Coordinates are pixels from the top left of the screen; `timeout` is in seconds. Every method that
    asks the desktop raises StaleLease once it was handed over, DesktopLost once it has ended,
    ProtocolError where it talks nonsense, DeadlineExceeded, and InputError for a wrong argument.
    """

    def __init__(
        self,
        spec: DesktopSpec,
        connection: Connection,
        host: DesktopHost,
    ) -> None:
        """Made by a Host."""
        self.spec = spec
        self.files = Files(connection)
        self.clipboard = Clipboard(connection)
        self._connection = connection
        self._held: Held | None = None
        self._trees = TreeReader()
        self._host = host

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(self._connection.failure, StaleLease):
            await self.stop()

    @property
    def id(self) -> str:
        return self.lease.desktop_id

    @property
    def lease(self) -> Lease:
        return self._connection.lease

    @property
    def size(self) -> Screen:
        """The screen, as the desktop itself measured it."""
        return self._connection.screen

    # --- looking ------------------------------------------------------------------------------------

    async def observe(self, *, timeout: float = LOOK_TIMEOUT_S) -> Observation:
        """Screenshot, accessibility tree, windows and clipboard, in one request."""
        taken_at, held = time.time(), self._held
        args = protocol.Observe(screenshot=protocol.Screenshot(have=held and held.serial))
        reply, data = await self._connection.request("observe", args, protocol.ObserveReply, timeout=timeout)
        tree = self._trees.read(reply.tree, data[: reply.tree_bytes])
        frame = self._receive(held, reply.screenshot, memoryview(data)[reply.tree_bytes :])
        cursor, state = reply.screenshot.cursor, reply.state
        return Observation(
            Screenshot(frame, cursor), tree, state.windows, cursor, taken_at, state.clipboard, state.pages
        )

    async def screenshot(
        self, region: Rect | None = None, scale: float = 1, *, timeout: float = LOOK_TIMEOUT_S
    ) -> Screenshot:
        """The screen, or a region of it, `scale` (0-4) times its size."""
        check_view(region, scale, self.size)
        held = self._held
        args = protocol.Screenshot(have=held and held.serial)
        reply, pixels = await self._connection.request(
            "screenshot", args, protocol.ScreenshotReply, timeout=timeout
        )
        frame = self._receive(held, reply, pixels)
        return Screenshot(view(frame, region, scale), reply.cursor)

    def _receive(
        self, held: Held | None, reply: protocol.ScreenshotReply, pixels: bytes | memoryview
    ) -> Frame:
        """The frame of a reply to a request that named the frame held; the newest is held from now on."""
        received = receive(held, reply, pixels, self.size)
        if self._held is None or received.serial > self._held.serial:
            self._held = received
        return received.frame

    async def ui_tree(
        self,
        max_nodes: int = 5000,
        showing_only: bool = True,
        details: bool = False,
        *,
        application_s: float = APPLICATION_S,
        timeout: float = LOOK_TIMEOUT_S,
    ) -> UiTree:
        """The accessible objects of all applications; `cut` says what is missing. `details` asks for their
        actions, attributes and ranges too. An application that keeps answering may take `application_s`
        seconds (at most 24); one that falls silent is given up at once."""
        args = checked(
            protocol.Tree,
            max_nodes=max_nodes,
            showing_only=showing_only,
            details=details,
            application_s=application_s,
        )
        reply = await self._connection.request("tree", args, protocol.TreeReply, timeout=timeout)
        return self._trees.read(*reply)

    async def windows(self, *, timeout: float = LOOK_TIMEOUT_S) -> list[Window]:
        """The top-level windows."""
        reply, _ = await self._connection.request(
            "windows", Nothing(), protocol.WindowsReply, timeout=timeout
        )
        return list(reply.windows)

    async def settle(self, quiet: float = 0.1, timeout: float = 3) -> Settled:
        """Wait until nothing new was painted, nor announced of the tree, for `quiet` seconds; give up,
        without an error, at `timeout`."""
        args = checked(protocol.Settle, quiet_s=quiet, timeout_s=timeout)
        reply, _ = await self._connection.request(
            "settle", args, protocol.SettleReply, timeout=timeout + LOOK_TIMEOUT_S
        )
        return Settled(reply.settled, reply.waited_s)

    # --- acting -------------------------------------------------------------------------------------

    async def act(self, actions: Sequence[Input], *, timeout: float = ACTION_TIMEOUT_S) -> None:
        """Carry out up to 100 inputs in order. Raises ActionFailed, whose `index` is that of the first
        that failed; none after it was tried."""
        args = checked(protocol.Act, actions=tuple(actions))
        reply, _ = await self._connection.request("act", args, protocol.ActReply, timeout=timeout)
        if reply.failure is not None:
            raise ActionFailed(f"action {reply.done} of {len(actions)}: {reply.failure}", reply.done)
        if reply.done != len(actions):
            raise ProtocolError(f"act: {reply.done} of {len(actions)} actions done, and no failure")

    async def click(
        self,
        x: int,
        y: int,
        *,
        button: Button = "left",
        count: int = 1,
        modifiers: Sequence[str] = (),
        timeout: float = ACTION_TIMEOUT_S,
    ) -> None:
        """Click `count` times (1-3), with `modifiers` (`ctrl`, `shift`, …) held. Raises ActionFailed."""
        click = checked(
            protocol.Click, at={"x": x, "y": y}, button=button, count=count, modifiers=tuple(modifiers)
        )
        await self.act([click], timeout=timeout)

    async def double_click(self, x: int, y: int, *, timeout: float = ACTION_TIMEOUT_S) -> None:
        await self.click(x, y, count=2, timeout=timeout)

    async def move(self, x: int, y: int, *, timeout: float = ACTION_TIMEOUT_S) -> None:
        """Move the pointer."""
        await self.act([checked(protocol.Move, to={"x": x, "y": y})], timeout=timeout)

    async def drag(
        self,
        path: Sequence[Point],
        *,
        button: Button = "left",
        modifiers: Sequence[str] = (),
        timeout: float = ACTION_TIMEOUT_S,
    ) -> None:
        """Press at the first (x, y) of the path, move through the others, release at the last."""
        points = tuple({"x": x, "y": y} for x, y in path)
        drag = checked(protocol.Drag, path=points, button=button, modifiers=tuple(modifiers))
        await self.act([drag], timeout=timeout)

    async def scroll(
        self, x: int, y: int, *, dx: int = 0, dy: int = 0, timeout: float = ACTION_TIMEOUT_S
    ) -> None:
        """Turn the wheel over a point: `dy` clicks down, `dx` to the right; negative for the other way."""
        await self.act([checked(protocol.Scroll, at={"x": x, "y": y}, dx=dx, dy=dy)], timeout=timeout)

    async def type(self, text: str, *, timeout: float = ACTION_TIMEOUT_S) -> None:
        """Type any Unicode text where the focus is; `timeout` for each 10,000 characters."""
        for start in range(0, len(text), protocol.MAX_TEXT):
            part = checked(protocol.Type, text=text[start : start + protocol.MAX_TEXT])
            await self.act([part], timeout=timeout)

    async def press(self, keys: str, count: int = 1, *, timeout: float = ACTION_TIMEOUT_S) -> None:
        """Press a key or a chord, as `Return` or `ctrl+shift+s`."""
        await self.act([checked(protocol.Press, keys=keys, count=count)], timeout=timeout)

    def locator(
        self,
        role: str | None = None,
        name: str | None = None,
        *,
        text: str | None = None,
        app: str | None = None,
        states: Sequence[str] = (),
        exact: bool = True,
    ) -> Locator:
        """An accessible object by what it is; found when it is used (`sandboxes.locator`)."""
        return Locator(self, Query(role, name, text, app, frozenset(states), exact))

    async def activate_window(self, window_id: int, *, timeout: float = LOOK_TIMEOUT_S) -> None:
        """Bring a window to the front and give it the focus. Raises GuestError where there is none."""
        args = checked(protocol.WindowAction, id=window_id, do="activate")
        await self._connection.request("window", args, Nothing, timeout=timeout)

    async def close_window(self, window_id: int, *, timeout: float = LOOK_TIMEOUT_S) -> None:
        """Ask a window to close, as its close button does. Raises GuestError where there is none."""
        args = checked(protocol.WindowAction, id=window_id, do="close")
        await self._connection.request("window", args, Nothing, timeout=timeout)

    # --- programs -----------------------------------------------------------------------------------

    async def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float = 60,
    ) -> ExecResult:
        """Run a program to its end; at most 1 MiB of each output is kept. At the deadline it is killed."""
        args = checked(protocol.Exec, argv=tuple(argv), env=dict(env or {}), cwd=cwd)
        reply = await self._connection.request("exec", args, protocol.ExecReply, stdin, timeout=timeout)
        return ExecResult.from_reply(*reply)

    async def open(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = LOOK_TIMEOUT_S,
    ) -> int:
        """Start a program in the session, as a launcher does, and return its process id at once."""
        args = checked(protocol.Launch, argv=tuple(argv), env=dict(env or {}))
        reply, _ = await self._connection.request("launch", args, protocol.LaunchReply, timeout=timeout)
        return reply.pid

    def tunnel(self, port: int) -> AbstractAsyncContextManager[Address]:
        """A (host, port) on this machine's loopback that leads to a TCP port on the desktop's loopback."""
        return open_tunnel(self._connection, port)

    def browser(self, *, timeout: float = 30) -> AbstractAsyncContextManager[Browser]:
        """Playwright's Browser for the desktop's own Chromium, which is started if need be."""
        return open_browser(self._connection, timeout)

    # --- the lease ----------------------------------------------------------------------------------

    async def hand_over(self, holder: str, on_connection: OnConnection | None = None) -> Desktop:
        """Pass this very desktop to another holder; from then on this handle raises StaleLease.

        `on_connection`, where it is given, is told of the desktop's connections in place of who was before.
        """
        self._connection.check_open()
        connection = await self._host.connect(self.lease.passed_to(holder), on_connection)
        self._connection.close(StaleLease(f"desktop {self.id} was handed over to {holder}"))
        return Desktop(self.spec, connection, self._host)

    async def fork(self, holder: str, *, timeout: float = START_TIMEOUT_S) -> Desktop:
        """A copy of this desktop, leased to `holder`; both go on. With running programs where the backend
        has `live_fork`, else with what a snapshot holds. Raises InputError where the backend cannot."""
        self._connection.check_open()
        return await self._host.fork(self.id, holder=holder, timeout=timeout)

    async def snapshot(self, label: str = "") -> Snapshot:
        """Save this desktop's state, to be restored by `Host.restore`; the desktop goes on.

        What it holds is the backend's `capabilities.snapshots`. Raises SnapshotError, and InputError where
        the backend cannot."""
        self._connection.check_open()
        return await self._host.snapshot(self.id, label)

    async def stop(self) -> None:
        """End the desktop and all it holds; harmless when done twice. Raises StaleLease after a handover."""
        if isinstance(self._connection.failure, StaleLease):
            self._connection.check_open()
        self._connection.close(DesktopLost(f"desktop {self.id} was stopped"))
        with deadline(f"stopping desktop {self.id}", STOP_TIMEOUT_S, shield=True):
            await self._host.stop(self.id)
