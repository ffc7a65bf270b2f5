"""The agent of a desktop that an MCP client works on: each of its decisions is a call of the client's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from runner.agents.base import Decision, PlainAgent, View
from sandboxes.errors import DeskswarmError


class DesktopEnded(DeskswarmError):
    """There is no desktop any more for the call to work on. The message says why."""


class ClientAgent(PlainAgent):
    """Its session holds out a view and waits; a call takes that turn, decides, and is shown the next view.

    Calls take turns. One that its client gives up leaves its decision behind: the next waits until that is
    carried out.
    """

    def __init__(self) -> None:
        self._view: View | None = None
        self._decision: Decision | None = None
        self._ended: str | None = None
        self._changed = anyio.Event()
        self._turn = anyio.Lock()

    async def decide(self, view: View) -> Decision:
        self._view, self._decision = view, None
        self._tell()
        try:
            while self._decision is None:
                await self._changed.wait()
            return self._decision
        finally:
            self._view = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[View]:
        """The session waits for nobody else as long as the block lasts. Raises DesktopEnded."""
        async with self._turn:
            yield await self._next_view()

    async def say(self, decision: Decision) -> View:
        """What the session shows once the decision is carried out; in a turn. Raises DesktopEnded."""
        self._view, self._decision = None, decision
        self._tell()
        return await self._next_view()

    def end(self, why: str) -> None:
        """The session is over."""
        self._ended = why
        self._tell()

    @property
    def ended(self) -> str | None:
        """Why there is no desktop any more; None while there is one."""
        return self._ended

    async def _next_view(self) -> View:
        while self._view is None:
            if self._ended is not None:
                raise DesktopEnded(self._ended)
            await self._changed.wait()
        return self._view

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
