"""Locators: an accessible object by what it is, waited for whenever it is used.

Before it acts, a locator waits until exactly one match is visible, has not moved between two looks
and, to be clicked, is enabled. It looks again when the screen has come to rest after a change, and
otherwise about every 0.1 s, for accessible objects change without paint. Where several match and
some are in the window that has the focus, only those count; `nth` and `first` choose among all.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

import anyio

from sandboxes.deadline import Pace
from sandboxes.errors import LocatorError
from sandboxes.guest.protocol import (
    APPLICATION_S,
    MAX_APPLICATION_S,
    Button,
    Click,
    Move,
    Node,
    Point,
    Press,
    Type,
)
from sandboxes.inputs import checked
from sandboxes.observation import UiTree
from sandboxes.query import MAX_NEAR, Match, Query, describe

if TYPE_CHECKING:
    from sandboxes.desktop import Desktop

DEFAULT_TIMEOUT_S = 10.0
# How long nothing may be painted between the two looks that tell that an object stands still.
STILL_S = 0.05
# A screen that never comes to rest is looked at again after so long.
REST_S = 1.0


class Locator:
    """Made by `Desktop.locator`. Holds nothing but its query, so it may be kept and used again.

    `timeout` is how long to wait for the object, in seconds. Every method raises LocatorError, which
    names what is there instead, and what any method of a Desktop does.
    """

    def __init__(self, desktop: Desktop, query: Query, index: int | None = None) -> None:
        self._desktop = desktop
        self._query = query
        self._index = index

    def __str__(self) -> str:
        return str(self._query) if self._index is None else f"{self._query}, number {self._index}"

    def nth(self, index: int) -> Locator:
        """The match of this number, from 0, in the order of the tree."""
        return Locator(self._desktop, self._query, index)

    @property
    def first(self) -> Locator:
        return self.nth(0)

    async def all(self) -> list[Node]:
        """What is visible and matches now, without waiting."""
        tree = await self._desktop.ui_tree()
        return [match.node for match in self._query.find(tree.nodes, self._desktop.size)]

    async def count(self) -> int:
        """How many are visible and match now, without waiting."""
        return len(await self.all())

    async def node(self, *, timeout: float = DEFAULT_TIMEOUT_S) -> Node:
        """The object, once it is visible."""
        return (await self._find_one(anyio.current_time() + timeout, timeout)).node

    async def point(self, *, timeout: float = DEFAULT_TIMEOUT_S) -> Point:
        """Where to click: the centre of what is on the screen of it, once it has stopped moving."""
        return (await self._find_still(timeout, enabled=False)).part.center

    async def wait_for(
        self, state: Literal["visible", "gone"] = "visible", *, timeout: float = DEFAULT_TIMEOUT_S
    ) -> None:
        """Wait until the object is visible, or until no match is."""
        if state == "visible":
            await self.node(timeout=timeout)
            return
        end = anyio.current_time() + timeout
        async with aclosing(self._looks(end)) as looks:
            async for tree in looks:
                if not self._find(tree):
                    return
        raise LocatorError(f"{self} is still there after {timeout:g} s")

    async def click(
        self,
        *,
        button: Button = "left",
        count: int = 1,
        modifiers: Sequence[str] = (),
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """Click its centre `count` times (1-3), with `modifiers` held. Raises ActionFailed."""
        await self._click(timeout, button=button, count=count, modifiers=tuple(modifiers))

    async def double_click(self, *, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        await self._click(timeout, count=2)

    async def right_click(self, *, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        await self._click(timeout, button="right")

    async def hover(self, *, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        """Move the pointer over its centre."""
        await self._desktop.act([Move(to=await self.point(timeout=timeout))])

    async def focus(self, *, timeout: float = DEFAULT_TIMEOUT_S) -> Point:
        """Give it the keyboard by clicking it, and wait until it has it: meant for what one types into.

        Returns where it was clicked."""
        end = anyio.current_time() + timeout
        clicked = await self._click(timeout)
        if "focusable" in clicked.node.states:
            await self._wait_focused(end, timeout)
        return clicked.part.center

    async def type(self, text: str, *, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        """Click it and type at the caret."""
        await self.focus(timeout=timeout)
        await self._desktop.type(text)

    async def fill(self, text: str, *, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        """Click it, select all it holds, and type the text over it; an empty text empties it."""
        await self.focus(timeout=timeout)
        over = checked(Type, text=text) if text else Press(keys="BackSpace")
        await self._desktop.act([Press(keys="ctrl+a"), over])

    async def press(self, keys: str, *, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        """Click it and press a key or a chord."""
        await self.focus(timeout=timeout)
        await self._desktop.press(keys)

    async def _click(self, timeout: float, **click: Any) -> Match:
        match = await self._find_still(timeout, enabled=True)
        await self._desktop.act([checked(Click, at=match.part.center, **click)])
        return match

    async def _find_still(self, timeout: float, *, enabled: bool) -> Match:
        """The match, once it stands still and, where asked for, is enabled."""
        end = anyio.current_time() + timeout
        match = await self._find_one(end, timeout)
        while True:
            await self._desktop.settle(STILL_S, timeout=REST_S)
            before, match = match, await self._find_one(end, timeout)
            usable = match.enabled or not enabled
            if match.part == before.part and usable:
                return match
            if anyio.current_time() > end:
                trouble = "still moves" if usable else "is disabled"
                raise LocatorError(f"{self} {trouble} after {timeout:g} s")

    async def _wait_focused(self, end: float, timeout: float) -> None:
        """A browser gives the focus some time after it read the click; what is typed before goes astray."""
        async with aclosing(self._looks(end)) as looks:
            async for tree in looks:
                if any("focused" in match.node.states for match in self._find(tree)):
                    return
        raise LocatorError(f"{self} was clicked and did not get the focus within {timeout:g} s")

    async def _find_one(self, end: float, timeout: float) -> Match:
        """The match, once there is exactly one. Raises LocatorError at `end`."""
        tree, found = UiTree((), {}), list[Match]()
        async with aclosing(self._looks(end)) as looks:
            async for tree in looks:
                found = self._choose(tree)
                if len(found) == 1:
                    return found[0]
        raise LocatorError(self._complaint(tree, found, timeout))

    async def _looks(self, end: float) -> AsyncGenerator[UiTree]:
        """The tree, again and again until `end`, and at least once. What has too little time to be read, as
        a full sheet in an emulated machine, gets twice as much the next time. Applications busy with answers
        for long get as long for their own work."""
        pace, application_s = Pace(), APPLICATION_S
        while True:
            looked_at = anyio.current_time()
            tree = await self._desktop.ui_tree(application_s=application_s)
            took = anyio.current_time() - looked_at
            yield tree
            left = end - anyio.current_time()
            if left <= 0:
                return
            if tree.cut:
                application_s = min(2 * application_s, MAX_APPLICATION_S)
            await self._desktop.settle(timeout=min(left, max(REST_S, took)))
            await pace.wait()

    def _find(self, tree: UiTree) -> list[Match]:
        found = self._query.find(tree.nodes, self._desktop.size)
        return found if self._index is None else found[self._index : self._index + 1]

    def _choose(self, tree: UiTree) -> list[Match]:
        if self._index is None:
            return self._query.choose(tree.nodes, self._desktop.size)
        return self._find(tree)

    def _complaint(self, tree: UiTree, found: list[Match], timeout: float) -> str:
        if found:
            shown = "; ".join(f"{describe(node)} at {part.x},{part.y}" for node, part in found[:MAX_NEAR])
            return f"{len(found)} objects match {self} after {timeout:g} s: {shown}; use nth() or say more"
        if any(self._query.matches(node) for node in tree.nodes):
            return f"{self} is there, but not on the screen, after {timeout:g} s"
        near = ", ".join(self._query.near(tree.nodes)) or "nothing like it"
        missing = [f"; {app}: {why}" for app, why in tree.cut.items()]
        covered = (describe(node) for node in tree.nodes if "covered" in node.states)
        missing += [f"; what is in {one} is behind another window" for one in covered]
        return f"no {self} within {timeout:g} s; near: {near}{''.join(missing):.500}"
