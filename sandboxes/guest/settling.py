"""Settling: screen and tree at rest after what was done."""

from __future__ import annotations

import asyncio

import anyio

from .display import Display
from .paint import PaintWatch
from .protocol import Settle, SettleReply
from .quiet import Quiet
from .tree import Accessibility


class Settling:
    def __init__(self, display: Display, paint: PaintWatch, accessibility: Accessibility) -> None:
        self._display = display
        self._paint = paint
        self._accessibility = accessibility

    async def settle(self, args: Settle) -> SettleReply:
        """Wait until nothing new has been painted or announced for `quiet_s`; what never rests does not
        count."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        with anyio.move_on_after(args.timeout_s) as scope:
            await self._input_consumed(args.timeout_s)
            quiet = Quiet(args.quiet_s)
            with self._accessibility.telling(quiet.announced), self._paint.telling(quiet.painted):
                await quiet.over()
        return SettleReply(settled=not scope.cancelled_caught, waited_s=loop.time() - started)

    async def _input_consumed(self, timeout_s: float) -> None:
        """The active application has read the input sent to it. One too busy to say so has not settled."""
        window = self._display.active_window()
        if window is not None:
            await self._display.ping(window, timeout_s)
