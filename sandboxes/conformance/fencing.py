"""One holder at a time: whoever lost a desktop can do nothing to it any more."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from sandboxes.conformance.subject import Subject, expect, raises, run
from sandboxes.connection import Connection
from sandboxes.desktop import Desktop
from sandboxes.errors import DesktopLost, StaleLease
from sandboxes.lease import Lease


async def a_handover_fences_the_old_holder_off(subject: Subject) -> str:
    old = await subject.fresh()
    await old.files.write("~/note", b"kept")
    new = await old.hand_over("next")
    expect((new.id, new.lease.holder, new.lease.epoch) == (old.id, "next", old.lease.epoch + 1), new.lease)
    async with new:
        for call in _every_kind_of_call(old):
            complaint = await raises(StaleLease, call)
            expect("handed over to next" in complaint, complaint)
        found = await new.files.read("~/note")
        expect(found == b"kept", found)
    return "looking, acting, programs, files, clipboard, handing over, stopping"


async def the_end_of_the_old_holder_leaves_the_desktop(subject: Subject) -> str:
    old = await subject.fresh()
    new = await old.hand_over("next")
    async with new:
        await old.__aexit__(None, None, None)
        expect((await run(new, "true")).exit_code == 0, "programs no longer start")
    await raises(DesktopLost, new.screenshot())
    listed = [record.id for record in await subject.load().desktops()]
    expect(new.id not in listed, "the end of its last holder leaves it")
    return "it is the new holder's"


async def an_older_lease_is_refused(subject: Subject) -> str:
    """By the desktop itself: another process may have kept it."""
    desktop = await subject.fresh()
    for epoch, token in ((1, desktop.lease.token[::-1]), (1, "0" * 32)):
        complaint = await raises(StaleLease, _hold(subject, Lease(desktop.id, "thief", epoch, token=token)))
    await desktop.screenshot()
    return complaint


async def a_newer_lease_ends_the_older_ones_stream(subject: Subject) -> str:
    """Wherever it was made: the old holder learns of it by the next thing it does."""
    desktop = await subject.fresh()
    await _hold(subject, desktop.lease.passed_to("thief"))
    return await raises(StaleLease, desktop.screenshot())


async def _hold(subject: Subject, lease: Lease) -> None:
    async with Connection(await subject.load().connect(lease.desktop_id), lease):
        return


def _every_kind_of_call(desktop: Desktop) -> list[Coroutine[Any, Any, object]]:
    return [
        desktop.screenshot(),
        desktop.ui_tree(),
        desktop.windows(),
        desktop.press("a"),
        desktop.exec(["true"]),
        desktop.open(["true"]),
        desktop.settle(),
        desktop.files.read("~/note"),
        desktop.clipboard.read(),
        desktop.locator("text").click(),
        desktop.hand_over("third"),
        desktop.stop(),
    ]
