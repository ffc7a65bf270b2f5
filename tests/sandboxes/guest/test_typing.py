"""Typing into a real editor: any text, on any layout."""

from __future__ import annotations

import random

import pytest

from sandboxes.desktop import Desktop
from sandboxes.errors import ActionFailed
from tests.sandboxes.guest.editor import open_editor, saved

pytestmark = pytest.mark.anyio

HARD = "Ünïcødé 漢字 😀 ñ <>|\\@#€ ~^`´\"' {}[] aA1!"  # noqa: RUF001


def mixed(count: int) -> str:
    """Characters from all over Unicode, most of them on no keyboard, with repetitions."""
    chance = random.Random(7)
    blocks = [
        (0x21, 0x7E),
        (0xA1, 0xFF),
        (0x391, 0x3C9),
        (0x410, 0x44F),
        (0x4E00, 0x9FA5),
        (0x1F600, 0x1F64F),
    ]
    blocks += [(0x5D0, 0x5EA), (0x3042, 0x3093), (0xAC00, 0xD7A3), (0x2200, 0x22FF)]
    text = [chr(chance.randint(*chance.choice(blocks))) for _ in range(count)]
    return "".join(text).replace("\u03a2", "x").replace("\xad", "x")


@pytest.mark.parametrize("layout", ["us", "de", "fr", "us,ru"])
async def test_any_text_on_any_layout(shared: Desktop, layout: str) -> None:
    await shared.exec(["setxkbmap", layout])
    await open_editor(shared)
    await shared.type(HARD + "\n\tEnd")
    assert await saved(shared, HARD + "\n\tEnd") == HARD + "\n\tEnd"


async def test_more_characters_than_spare_keys(shared: Desktop) -> None:
    text = mixed(300)
    await shared.exec(["setxkbmap", "us"])
    await open_editor(shared)
    await shared.type(text)
    assert await saved(shared, text) == text


async def test_a_long_text_in_order(shared: Desktop) -> None:
    text = "".join(f"line {number}, Zeile {number}: äöü\n" for number in range(60))
    await open_editor(shared)
    await shared.type(text)
    assert await saved(shared, text) == text


async def test_caps_lock_does_not_change_what_is_typed(shared: Desktop) -> None:
    await open_editor(shared)
    await shared.press("caps_lock")
    await shared.type("aBc é")
    await shared.press("caps_lock")
    assert await saved(shared, "aBc é") == "aBc é"


async def test_chords(shared: Desktop) -> None:
    await open_editor(shared, "one two")
    await shared.press("ctrl+End")
    await shared.press("ctrl+shift+Left")
    await shared.type("2")
    await shared.press("Home")
    await shared.press("shift+right", count=3)
    await shared.press("CTRL+C")
    await shared.press("end")
    await shared.press("ctrl+v")
    await shared.press("?")
    await shared.press("+")
    assert await saved(shared, "one 2one?+") == "one 2one?+"


@pytest.mark.parametrize("keys", ["ctrl+nosuchkey", "hyper-thing", "ctrl+"])
async def test_an_unknown_key_is_named(shared: Desktop, keys: str) -> None:
    with pytest.raises(ActionFailed, match="key named"):
        await shared.press(keys)


async def test_a_character_without_a_key_is_named_before_any_is_typed(shared: Desktop) -> None:
    await open_editor(shared)
    with pytest.raises(ActionFailed, match=r"\\x07"):
        await shared.type("abc\x07")
    assert await saved(shared, "") == ""
