"""The user's private folders as a tar, made and unpacked by GNU tar.

What comes from a desktop is never unpacked on the host: a restored desktop unpacks it itself, inside,
with the rights it will have anyway, before its guest starts.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from pathlib import Path

import anyio

from sandboxes.errors import SnapshotError
from sandboxes.machine import free_disk

FILE_NAME = "private.tar"
FORMAT = "1"
"""Grows when an older deskswarm could not read what a newer one writes, or the other way round."""

FOLDERS = ("home/user", "tmp", "var/tmp")
"""The private folders that hold files; `/run` and `/dev/shm` hold only what running programs share."""

CHANGED_MEANWHILE = 1
"""The exit code of a tar that is whole, but some files changed while they were read."""

UNPACK = (
    *("tar", "--extract", "--file=-", "--directory=/", "--preserve-permissions", "--no-overwrite-dir"),
    "--warning=no-timestamp",
)

_MAX_BYTES = 8 << 30
_LEFT_FREE = 1 << 30
# What programs that run leave to say that they do; in a restored desktop none of them runs.
_LOCKS = (
    *("tmp/.X0-lock", "tmp/.X11-unix", "tmp/.ICE-unix"),
    *("SingletonLock", "SingletonSocket", "SingletonCookie", ".~lock.*#"),
)


def pack(root: str, *options: str) -> list[str]:
    """A command that writes the tar to its standard output. Links are kept as links, not followed."""
    return [
        *("tar", "--create", "--file=-", "--format=gnu", "--sparse", "--sort=name", "--numeric-owner"),
        *("--ignore-failed-read", "--warning=no-file-ignored", *options),
        *(f"--exclude={lock}" for lock in _LOCKS),
        *(f"--directory={root}", *FOLDERS),
    ]


def check_packed(exit_code: int | None, words: str = "") -> None:
    """Raises SnapshotError where tar did not write all of it."""
    if exit_code not in (0, CHANGED_MEANWHILE):
        raise SnapshotError(f"the desktop's files could not be read (tar ended with {exit_code}) {words}")


async def store(data: AsyncIterable[bytes], path: Path) -> None:
    """Write what comes to a file, as long as the disk has room. Raises SnapshotError for more."""
    left = min(_MAX_BYTES, free_disk(path.parent) - _LEFT_FREE)
    async with await anyio.open_file(path, "wb") as file:
        async for piece in data:
            left -= len(piece)
            if left < 0:
                raise SnapshotError(
                    f"the desktop's files are more than a snapshot may hold ({_MAX_BYTES >> 30} GiB) "
                    f"or more than the disk of {path.parent} has room for"
                )
            await file.write(piece)
