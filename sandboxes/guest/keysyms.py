"""Key names and characters as X keysyms, by the table that toolkits use (libxkbcommon)."""

from __future__ import annotations

import ctypes
from functools import cache
from unicodedata import category

_xkb = ctypes.CDLL("libxkbcommon.so.0")
_xkb.xkb_keysym_from_name.argtypes = (ctypes.c_char_p, ctypes.c_int)
_xkb.xkb_keysym_from_name.restype = ctypes.c_uint32
_xkb.xkb_utf32_to_keysym.argtypes = (ctypes.c_uint32,)
_xkb.xkb_utf32_to_keysym.restype = ctypes.c_uint32
_xkb.xkb_keysym_to_utf32.argtypes = (ctypes.c_uint32,)
_xkb.xkb_keysym_to_utf32.restype = ctypes.c_uint32
_CASE_INSENSITIVE = 1
_NOT_CHARACTERS = {"Cc", "Cs"}  # control characters and halves of surrogate pairs
_FUNCTION_KEYS = range(0xFD00, 0x10000)

_ALIASES = {
    "alt": "Alt_L",
    "altgr": "ISO_Level3_Shift",
    "arrowdown": "Down",
    "arrowleft": "Left",
    "arrowright": "Right",
    "arrowup": "Up",
    "capslock": "Caps_Lock",
    "cmd": "Super_L",
    "command": "Super_L",
    "control": "Control_L",
    "ctrl": "Control_L",
    "del": "Delete",
    "enter": "Return",
    "esc": "Escape",
    "ins": "Insert",
    "meta": "Super_L",
    "numlock": "Num_Lock",
    "option": "Alt_L",
    "pagedown": "Page_Down",
    "pageup": "Page_Up",
    "pgdn": "Page_Down",
    "pgup": "Page_Up",
    "printscreen": "Print",
    "scrolllock": "Scroll_Lock",
    "shift": "Shift_L",
    "spacebar": "space",
    "super": "Super_L",
    "win": "Super_L",
    "windows": "Super_L",
}


def keysym_of_name(name: str) -> int:
    """The keysym of a key name of any case, or 0 for an unknown one."""
    known = _ALIASES.get(name.lower(), name)
    return int(_xkb.xkb_keysym_from_name(known.encode(), _CASE_INSENSITIVE))


@cache
def keysym_of_character(character: str) -> int:
    """The keysym that types a character; 0 where there is none, as for control characters."""
    if character in _EDITING:
        return _EDITING[character]
    if category(character) in _NOT_CHARACTERS:
        return 0
    return int(_xkb.xkb_utf32_to_keysym(ord(character)))


@cache
def character_of_keysym(keysym: int) -> str:
    """The character a keysym types; empty for function, keypad and dead keys."""
    if keysym in _FUNCTION_KEYS:
        return ""
    code = int(_xkb.xkb_keysym_to_utf32(keysym))
    return chr(code) if code else ""


_EDITING = {"\n": 0xFF0D, "\r": 0xFF0D, "\t": 0xFF09}
