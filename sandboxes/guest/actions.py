"""Carrying out batches of input actions, one batch at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import anyio

from .display import Display
from .failures import RequestFailed
from .keyboard import Keyboard
from .paint import PaintWatch
from .pointer import Pointer
from .protocol import (
    Act,
    ActReply,
    Click,
    Drag,
    Input,
    Key,
    MouseButton,
    Move,
    Press,
    Scroll,
    Type,
)

_ANSWER_S = 2.0
_REST_DEADLINE_S = 0.5
_REST_S = 0.03
_PAINT_DEADLINE_S = 0.25


class Actions:
    def __init__(self, display: Display, paint: PaintWatch) -> None:
        self._display = display
        self._paint = paint
        self._pointer = Pointer(display, self._consumed)
        self._keyboard = Keyboard(display, self._consumed, self._answering)
        self._turn = anyio.Lock()

    async def act(self, args: Act) -> ActReply:
        """Carry out a batch in order. At the first failure all that is held down is released."""
        last = len(args.actions) - 1
        async with self._turn:
            for done, action in enumerate(args.actions):
                try:
                    async with self._answering() if done < last else nullcontext():
                        await self._carry_out(action)
                except RequestFailed as failure:
                    self.release_all()
                    return ActReply(done=done, failure=str(failure))
                except anyio.get_cancelled_exc_class():
                    self.release_all()
                    raise
        return ActReply(done=len(args.actions))

    def release_all(self) -> None:
        """Release every key and button that is held down."""
        self._keyboard.release_all()
        self._pointer.release_all()

    async def _carry_out(self, action: Input) -> None:
        match action:
            case Move(to=to):
                self._pointer.move(to)
            case Click() | Drag() | Scroll():
                await self._with_modifiers(action)
            case Type(text=text):
                await self._keyboard.type(text)
            case Press(keys=keys, count=count):
                await self._keyboard.press(keys, count)
            case MouseButton(do="mouse_down", button=button):
                await self._pointer.hold(button)
            case MouseButton(button=button):
                self._pointer.release(button)
            case Key(do="key_down", key=key):
                await self._keyboard.hold(key)
            case Key(key=key):
                await self._keyboard.release(key)

    async def _with_modifiers(self, action: Click | Drag | Scroll) -> None:
        pointer = self._pointer
        with self._keyboard.holding(await self._keyboard.modifiers(action.modifiers)):
            match action:
                case Click(at=at, button=button, count=count):
                    await pointer.click(at, button, count)
                case Drag(path=path, button=button):
                    await pointer.drag(path, button)
                case Scroll(at=at, dx=dx, dy=dy):
                    pointer.scroll(at, dx, dy)
        self._display.sync()

    async def _consumed(self) -> None:
        """The active application has read the input sent so far. One that does not answer pings shows
        it by having painted."""
        window = self._display.active_window()
        if window is None or not await self._display.ping(window, _ANSWER_S):
            with anyio.move_on_after(_REST_DEADLINE_S):
                await self._paint.quiet(_REST_S)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Input sent in the block has been answered at its end: read, and what came of it painted. Input
        that changes nothing on the screen is given up on."""
        before = self._paint.count_paints()
        yield
        await self._consumed()
        with anyio.move_on_after(_REST_DEADLINE_S):
            with anyio.move_on_after(_PAINT_DEADLINE_S):
                await self._paint.painted(before)
            await self._paint.quiet(_REST_S)
