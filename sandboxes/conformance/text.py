"""Text: typed, and by way of the clipboard."""

from __future__ import annotations

from sandboxes.conformance.actions import editor, role
from sandboxes.conformance.subject import WAIT_S, Subject, eventually, expect

HARD = "Ünïcødé 漢字 😀 ñ <>|\\@#€ ~^`´\"' {}[] aA1!"  # noqa: RUF001
_MEBIBYTE = 1 << 20


async def the_clipboard_holds_any_text(subject: Subject) -> str:
    desktop = await subject.desktop()
    for text in (HARD, "two\n\tlines", "", "x" * 1_000_000):
        await desktop.clipboard.write(text)
        found = await desktop.clipboard.read()
        expect(found == text, f"wrote {len(text)} characters, read {len(found)}: {found[:100]!r}")
    return "any Unicode, nothing, and a megabyte"


async def what_is_typed_arrives(subject: Subject) -> str:
    desktop = await subject.desktop()
    await desktop.open([editor(subject)])
    field = desktop.locator(role(subject))
    await field.click(timeout=WAIT_S)
    await desktop.clipboard.write("")
    await desktop.type(HARD)
    found = ""

    async def arrived() -> bool:
        nonlocal found
        await desktop.press("ctrl+a")
        await desktop.press("ctrl+c")
        found = await desktop.clipboard.read()
        return len(found) >= len(HARD)

    await eventually(f"{HARD!r} in the editor", arrived)
    expect(found == HARD, found)
    return HARD
