"""Saved and copied desktops, by who declares that it can."""

from __future__ import annotations

from sandboxes.conformance.subject import START_TIMEOUT_S, Subject, expect, needs, raises, run, running, shell
from sandboxes.errors import InputError
from sandboxes.snapshot import Snapshot


@needs("snapshots")
async def a_snapshot_is_restored_as_often_as_one_likes(subject: Subject) -> str:
    source = await subject.desktop("source")
    await source.files.write("~/note", b"before")
    taken = await source.snapshot("conformance")
    await source.files.write("~/note", b"after")
    try:
        for holder in ("first", "second"):
            await _restore(subject, taken, holder)
    finally:
        subject.host.snapshots.rm(taken)
    found = await source.files.read("~/note")
    expect(found == b"after", f"the source has {found!r}")
    return f"{subject.capabilities.snapshots}, {taken.bytes} bytes"


@needs("snapshots")
async def a_copy_goes_its_own_way(subject: Subject) -> str:
    source = await subject.desktop("source")
    await source.files.write("~/copied", b"one")
    copy = await source.fork("copy", timeout=START_TIMEOUT_S)
    async with copy:
        expect(copy.id != source.id, "it is the same desktop")
        expect(await copy.files.read("~/copied") == b"one", "the file is another")
        await copy.files.write("~/copied", b"two")
        machines = [
            await shell(desktop, "cat /etc/machine-id /run/machine-id 2>/dev/null | head -1")
            for desktop in (source, copy)
        ]
        expect(machines[0] != machines[1], f"both are machine {machines[0]}")
    expect(await source.files.read("~/copied") == b"one", "the source changed with its copy")
    return "files and machine-id"


@needs("live_fork")
async def what_is_only_in_memory_is_in_a_live_copy(subject: Subject) -> str:
    source = await subject.desktop("source")
    await source.clipboard.write("copied")
    async with await source.fork("copy", timeout=START_TIMEOUT_S) as copy:
        found = await copy.clipboard.read()
        expect(found == "copied", f"the clipboard holds {found!r}")
        await copy.clipboard.write("the copy's own")
    found = await source.clipboard.read()
    expect(found == "copied", f"the source changed with its copy: {found!r}")
    return "the clipboard"


@needs("live_fork", "real")
async def programs_run_on_in_a_live_copy(subject: Subject) -> str:
    source = await subject.desktop("source")
    await source.open(["sleep", "97531"])
    await running(source, "sleep 97531")
    copy = await source.fork("copy", timeout=START_TIMEOUT_S)
    async with copy:
        found = await shell(copy, "pgrep -f '^sleep 97531'")
        await copy.screenshot()
    await shell(source, "pgrep -f '^sleep 97531'")
    return f"process {found}"


async def who_cannot_says_so(subject: Subject) -> str:
    if subject.capabilities.snapshots != "none":
        return "it can"
    return await raises(InputError, (await subject.desktop("source")).snapshot())


async def _restore(subject: Subject, taken: Snapshot, holder: str) -> None:
    async with await subject.host.restore(taken.id, holder=holder, timeout=START_TIMEOUT_S) as restored:
        found = await restored.files.read("~/note")
        expect(found == b"before", found)
        await restored.files.write("~/note", holder.encode())
        expect((await run(restored, "true")).exit_code == 0, "programs do not start")
