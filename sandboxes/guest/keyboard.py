"""Typing and pressing keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext

from Xlib import X
from Xlib.ext import xtest

from .display import Display
from .failures import RequestFailed
from .keymap import KeyMap, Stroke
from .keysyms import keysym_of_character, keysym_of_name

_CAPS_LOCK = 0xFFE5
_SHIFT_NAMES = {"shift", "shift_l", "shift_r"}
_STROKES_PER_TURN = 64
_MOVING = {keysym_of_character("\t"), keysym_of_character("\n")}


class Keyboard:
    """Keys through XTEST.

    `consumed` waits until the focused application has read what was typed; a block in
    `answering` lasts until it has painted its answer besides. Keys that move the focus, and repeated ones,
    need the latter: LibreOffice carries them out some time after it has read them, and drops the second
    of two it finds waiting.
    """

    def __init__(
        self,
        display: Display,
        consumed: Callable[[], Awaitable[None]],
        answering: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._display = display
        self._consumed = consumed
        self._answering = answering
        self._keymap = KeyMap(display)
        self._held: list[int] = []

    async def type(self, text: str) -> None:
        """Type any Unicode text, whatever the layout. Fails for control characters, before typing any."""
        keysyms = [keysym_of_character(character) for character in text]
        if 0 in keysyms:
            raise RequestFailed("action_failed", f"type: {text[keysyms.index(0)]!r} cannot be typed")
        self._keymap.refresh()
        with self._caps_lock_off():
            while keysyms:
                typable = await self._make_typable(keysyms)
                await self._tap_all(keysyms[:typable])
                keysyms = keysyms[typable:]

    async def press(self, keys: str, count: int) -> None:
        """Press a chord such as `ctrl+shift+s`. Fails for an unknown key, before pressing any."""
        strokes = await self._strokes(_split_chord(keys))
        for repeat in range(count):
            async with self._answering() if repeat < count - 1 else nullcontext():
                with self.holding(strokes[:-1]):
                    self._tap(strokes[-1])
                self._display.sync()

    async def modifiers(self, names: tuple[str, ...]) -> list[Stroke]:
        """The keys to hold during a click or a scroll."""
        return await self._strokes(list(names))

    async def hold(self, key: str) -> None:
        """Press a key and leave it down."""
        [stroke] = await self._strokes([key])
        self._send(X.KeyPress, stroke.keycode)
        self._held.append(stroke.keycode)
        self._display.sync()

    async def release(self, key: str) -> None:
        """Release a key."""
        [stroke] = await self._strokes([key])
        self._send(X.KeyRelease, stroke.keycode)
        if stroke.keycode in self._held:
            self._held.remove(stroke.keycode)
        self._display.sync()

    def release_all(self) -> None:
        """Release every key that was left down."""
        if not self._held:
            return
        while self._held:
            self._send(X.KeyRelease, self._held.pop())
        self._display.sync()

    @contextmanager
    def holding(self, strokes: list[Stroke]) -> Iterator[None]:
        """Hold keys down inside the block."""
        pressed: list[int] = []
        try:
            for stroke in strokes:
                self._send(X.KeyPress, stroke.keycode)
                pressed.append(stroke.keycode)
            yield
        finally:
            for keycode in reversed(pressed):
                self._send(X.KeyRelease, keycode)

    async def _strokes(self, names: list[str]) -> list[Stroke]:
        """Keys of a chord; letters in it are meant as printed on the keys, so `ctrl+S` is `ctrl+s`."""
        chord = any(len(name) > 1 and name.lower() not in _SHIFT_NAMES for name in names[:-1])
        keysyms = [_keysym(name.lower() if chord and len(name) == 1 else name) for name in names]
        self._keymap.refresh()
        await self._make_typable(keysyms)
        return [self._known(keysym) for keysym in keysyms]

    async def _make_typable(self, keysyms: list[int]) -> int:
        """Put what the layout lacks on spare keys; how many of the keysyms can be typed now."""
        typable, missing = self._lacking(keysyms)
        if typable == 0:
            await self._consumed()
            self._keymap.recycle()
            typable, missing = self._lacking(keysyms)
        if missing:
            self._keymap.assign(missing)
        return typable

    def _lacking(self, keysyms: list[int]) -> tuple[int, list[int]]:
        """How many of the keysyms, from the first, the free keys suffice for; and which those lack."""
        missing: dict[int, None] = {}
        for index, keysym in enumerate(keysyms):
            if self._keymap.stroke(keysym) is None and keysym not in missing:
                if len(missing) == self._keymap.free:
                    return index, list(missing)
                missing[keysym] = None
        return len(keysyms), list(missing)

    async def _tap_all(self, keysyms: list[int]) -> None:
        """No faster than the application reads, so that what follows finds the text typed."""
        for turn in _turns(keysyms):
            if turn[-1] in _MOVING:
                async with self._answering():
                    self._tap_each(turn)
            else:
                self._tap_each(turn)
                await self._consumed()

    def _tap_each(self, keysyms: list[int]) -> None:
        for keysym in keysyms:
            self._tap(self._known(keysym))
        self._display.sync()

    def _tap(self, stroke: Stroke) -> None:
        modifiers = [self._known(keysym) for keysym in stroke.modifiers]
        with self.holding(modifiers):
            self._send(X.KeyPress, stroke.keycode)
            self._send(X.KeyRelease, stroke.keycode)

    def _known(self, keysym: int) -> Stroke:
        stroke = self._keymap.stroke(keysym)
        if stroke is None:
            raise RequestFailed("action_failed", f"keyboard: no key is free for keysym {keysym:#x}")
        return stroke

    @contextmanager
    def _caps_lock_off(self) -> Iterator[None]:
        locked = self._display.root.query_pointer().mask & X.LockMask
        try:
            if locked:
                self._tap(self._known(_CAPS_LOCK))
            yield
        finally:
            if locked:
                self._tap(self._known(_CAPS_LOCK))
                self._display.sync()

    def _send(self, kind: int, keycode: int) -> None:
        xtest.fake_input(self._display.x, kind, keycode)


def _split_chord(keys: str) -> list[str]:
    """`ctrl++` is Control and the plus key."""
    if keys == "+":
        return ["+"]
    return [*keys[:-2].split("+"), "+"] if keys.endswith("++") else keys.split("+")


def _keysym(name: str) -> int:
    keysym = keysym_of_character(name) if len(name) == 1 else keysym_of_name(name.strip())
    if keysym == 0:
        raise RequestFailed("action_failed", f"keys: there is no key named {name!r}")
    return keysym


def _turns(keysyms: list[int]) -> Iterator[list[int]]:
    """Runs of keys that may be sent at once; one that moves the focus ends its run."""
    turn: list[int] = []
    for keysym in keysyms:
        turn.append(keysym)
        if keysym in _MOVING or len(turn) == _STROKES_PER_TURN:
            yield turn
            turn = []
    if turn:
        yield turn
