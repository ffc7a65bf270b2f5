"""Files, in and out of real desktops."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandboxes.desktop import Desktop
from sandboxes.errors import FileError
from sandboxes.guest.protocol import MAX_CHUNK_BYTES, FileEntry
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def shared(host: Host, backend: str) -> AsyncIterator[Desktop]:
    async with await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") as desktop:
        yield desktop


@pytest.mark.parametrize("size", [0, 1, MAX_CHUNK_BYTES - 1, MAX_CHUNK_BYTES, 3 << 20])
async def test_what_goes_in_comes_out(shared: Desktop, tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    local = tmp_path / "local"
    local.write_bytes(data)

    await shared.files.write("~/in/memory", data, mode=0o600)
    await shared.files.put(local, "~/in/copied")
    sums = await shared.exec(
        ["sh", "-c", "sha256sum < ~/in/memory; sha256sum < ~/in/copied; stat -c %a ~/in/*"]
    )
    digest = hashlib.sha256(data).hexdigest()
    assert sums.stdout.decode().split() == [digest, "-", digest, "-", "644", "600"]

    assert await shared.files.read("~/in/copied") == data
    await shared.files.get("~/in/memory", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "local"]
    await shared.files.remove("~/in")
    assert not await shared.files.exists("~/in")


async def test_list(shared: Desktop) -> None:
    await shared.files.write("~/things/b.txt", b"12345")
    await shared.files.write("~/things/folder/x", b"")
    entries = sorted(await shared.files.list("~/things"), key=lambda entry: entry.name)
    assert entries[0] == FileEntry(name="b.txt", kind="file", size=5)
    assert (entries[1].name, entries[1].kind) == ("folder", "folder")
    [itself] = await shared.files.list("~/things/b.txt")
    assert itself == entries[0]


async def test_what_is_not_there(shared: Desktop, tmp_path: Path) -> None:
    assert not await shared.files.exists("~/nothing")
    for call in (
        shared.files.read("~/nothing"),
        shared.files.get("~/nothing", tmp_path / "nothing"),
        shared.files.list("~/nothing"),
        shared.files.remove("~/nothing"),
        shared.files.write("/usr/bin/mine", b""),
    ):
        with pytest.raises(FileError):
            await call
    with pytest.raises(FileNotFoundError):
        await shared.files.put(tmp_path / "nothing", "~/here")
    assert not list(tmp_path.iterdir())


async def test_a_file_over_the_limit(shared: Desktop) -> None:
    await shared.files.write("~/large", b"x" * 1001)
    with pytest.raises(FileError, match="1001 bytes are over the limit of 1000"):
        await shared.files.read("~/large", max_bytes=1000)
