"""The keyboard layout: which key with which modifiers gives a keysym, and spare keys for what it lacks."""

from __future__ import annotations

from typing import Any, NamedTuple

from Xlib import X

from .display import Display
from .keysyms import character_of_keysym

SHIFT = 0xFFE1
LEVEL_3 = 0xFE03
_LEVELS = ((), (SHIFT,), (LEVEL_3,), (SHIFT, LEVEL_3))
# The core protocol's columns of the levels of each layout group.
_COLUMNS = ((0, 1, 4, 5), (2, 3, 6, 7))
_GROUP_SHIFT = 13
_FIRST, _LAST = 8, 255
_SPARE = range(208, 256)


class Stroke(NamedTuple):
    """One key, and the keysyms of the modifiers to hold with it."""

    keycode: int
    modifiers: tuple[int, ...] = ()


class KeyMap:
    """The server's keyboard map, read again whenever anybody has changed it.

    A keysym that the layout lacks is put on a spare key and stays there: taking it away while an
    application has not yet read the key press would change what it reads. The spare keys are the
    media keys at the end of the map, which lie side by side: every change is one request, as window
    managers grab all their keys anew at each.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._stale = True
        self._group = 0
        self._strokes: dict[int, Stroke] = {}
        self._by_character: dict[str, Stroke] = {}
        self._assigned: list[int] = []
        display.listen(self._notice)

    def _notice(self, event: Any) -> None:
        if event.type == X.MappingNotify:
            self._stale = True

    def refresh(self) -> None:
        """Read the map anew where it, or the active group, has changed."""
        state = self._display.root.query_pointer().mask
        self._display.hand_out_events()
        group = min(state >> _GROUP_SHIFT & 3, len(_COLUMNS) - 1)
        if self._stale or group != self._group:
            self._group, self._stale = group, False
            self._read()

    def stroke(self, keysym: int) -> Stroke | None:
        """How to type a keysym, on the layout or on a spare key; None where neither has it."""
        return self._strokes.get(keysym) or self._by_character.get(character_of_keysym(keysym))

    @property
    def free(self) -> int:
        """How many more keysyms can be put on spare keys."""
        return len(_SPARE) - len(self._assigned)

    def recycle(self) -> None:
        """Give up what is on spare keys. Only right once applications have read all that was typed."""
        for keysym in self._assigned:
            del self._strokes[keysym]
            self._by_character.pop(character_of_keysym(keysym), None)
        self._assigned = []

    def assign(self, keysyms: list[int]) -> None:
        """Put keysyms on spare keys, at most `free` of them."""
        first = _SPARE[len(self._assigned)]
        self._display.x.change_keyboard_mapping(first, [(keysym,) * 4 for keysym in keysyms])
        self._display.sync()
        for keycode, keysym in enumerate(keysyms, first):
            self._add(keycode, keysym, ())
        self._assigned += keysyms

    def _read(self) -> None:
        rows = self._display.x.get_keyboard_mapping(_FIRST, _LAST - _FIRST + 1)
        self._strokes, self._by_character = {}, {}
        for column, modifiers in zip(_COLUMNS[self._group], _LEVELS, strict=True):
            for keycode, row in enumerate(rows[: _SPARE.start - _FIRST], _FIRST):
                if column < len(row) and row[column]:
                    self._add(keycode, row[column], modifiers)
        spare = [row[0] for row in rows[_SPARE.start - _FIRST :]]
        if spare[: len(self._assigned)] != self._assigned:
            self._assigned = []  # Somebody set another layout.
        for keycode, keysym in zip(_SPARE, self._assigned, strict=False):
            self._add(keycode, keysym, ())

    def _add(self, keycode: int, keysym: int, modifiers: tuple[int, ...]) -> None:
        stroke = Stroke(keycode, modifiers)
        self._strokes.setdefault(keysym, stroke)
        if character := character_of_keysym(keysym):
            self._by_character.setdefault(character, stroke)
