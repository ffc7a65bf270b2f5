"""Files, in and out, by the API."""

from __future__ import annotations

from sandboxes.conformance.subject import Subject, expect, raises
from sandboxes.errors import FileError


async def what_goes_in_comes_out(subject: Subject) -> str:
    desktop = await subject.desktop()
    for name, data in {"empty": b"", "bytes": bytes(range(256)), "häßlich 漢字 🎈": b"named"}.items():
        path = f"~/in/{name}"
        await desktop.files.write(path, data)
        found = await desktop.files.read(path)
        expect(found == data, f"{path}: {found!r:.200}")
    return "no bytes, all bytes, any name"


async def a_shorter_file_replaces_a_longer_one(subject: Subject) -> str:
    desktop = await subject.desktop()
    await desktop.files.write("~/note", b"a long one")
    await desktop.files.write("~/note", b"short")
    found = await desktop.files.read("~/note")
    expect(found == b"short", found)
    return "short"


async def a_folder_lists_what_is_in_it(subject: Subject) -> str:
    desktop = await subject.desktop()
    await desktop.files.write("~/things/b.txt", b"12345")
    await desktop.files.write("~/things/folder/x", b"")
    found = sorted((entry.name, entry.kind) for entry in await desktop.files.list("~/things"))
    expect(found == [("b.txt", "file"), ("folder", "folder")], found)
    await desktop.files.remove("~/things")
    expect(not await desktop.files.exists("~/things"), "a folder that was removed is still there")
    return str(found)


async def what_is_not_there_is_an_error(subject: Subject) -> str:
    desktop = await subject.desktop()
    await raises(FileError, desktop.files.read("~/nothing"))
    await raises(FileError, desktop.files.list("~/nothing"))
    return await raises(FileError, desktop.files.remove("~/nothing"))


async def programs_see_the_same_files(subject: Subject) -> str:
    desktop = await subject.desktop()
    await desktop.files.write("~/seen", b"by programs")
    result = await desktop.exec(["cat", "/home/user/seen"])
    expect(result.stdout == b"by programs", result)
    return "cat"
