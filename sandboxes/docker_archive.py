"""What is in a container, read and put back by programs that run inside it.

The engine's own copying does not see folders in memory, which is where a user's files are. With `root` the
image's files may have changed too: the engine tells which, and they are in an archive of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from docker import DockerClient

from sandboxes import archive
from sandboxes.docker_exec import ask, run_exec
from sandboxes.errors import DesktopStartError, SnapshotError
from sandboxes.namespaces import BOOT_TTL_SECONDS, GUEST, PRIVATE_FOLDERS

USER = 1000
_ROOT = 0
_CHANGES = "changes.tar"
_REMOVED = "removed.json"
_KIND_REMOVED = 2
_PIECE = 1 << 18
# Mounts, which the engine makes anew for each container.
_MOUNTS = (*PRIVATE_FOLDERS, "/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
_GATE = "/run/gate"
_MAKE_GATE = f"mkfifo -m 600 {_GATE} 2>/dev/null"  # whoever comes first

_WAIT = f"timeout {BOOT_TTL_SECONDS} sh -c '{_MAKE_GATE}; read _ <{_GATE}' && rm {_GATE} && exec \"$@\""
WAITING_GUEST = ("sh", "-c", _WAIT, "sh", *GUEST)
"""A guest that starts once `put_back` is done; without that, it ends as one would without a holder."""

_PACK_NAMED = (
    *("tar", "--create", "--file=-", "--format=gnu", "--sparse", "--numeric-owner", "--ignore-failed-read"),
    *("--no-recursion", "--directory=/", "--null", "--files-from=-"),
)


async def read_out(desktop_id: str, folder: Path) -> None:
    """Save what was written in a container. Raises DesktopLost, SnapshotError."""
    root = await ask(lambda client: _has_root(client, desktop_id))
    await _pack(desktop_id, archive.pack("/"), root, folder / archive.FILE_NAME)
    if root:
        changed, removed = await ask(lambda client: _changes(client, desktop_id))
        names = _joined(path.lstrip("/") for path in changed)
        await _pack(desktop_id, _PACK_NAMED, root, folder / _CHANGES, [names])
        (folder / _REMOVED).write_text(json.dumps(removed))


async def put_back(desktop_id: str, folder: Path, *, root: bool) -> None:
    """Restore it in a container whose guest waits, and let that start.

    Raises DesktopLost, DesktopStartError, SnapshotError.
    """
    user = _ROOT if root else USER
    if root:
        removed = _names(folder / _REMOVED)
        await _run(desktop_id, ["xargs", "-0", "-r", "rm", "-rf", "--"], user, [_joined(removed)])
        await _run(desktop_id, archive.UNPACK, user, _content(folder / _CHANGES))
    await _run(desktop_id, archive.UNPACK, user, _content(folder / archive.FILE_NAME))
    await _run(desktop_id, ["sh", "-c", f"{_MAKE_GATE}; echo >{_GATE}"], USER)


def _has_root(client: DockerClient, desktop_id: str) -> bool:
    return not client.api.inspect_container(desktop_id)["HostConfig"]["ReadonlyRootfs"]


def _changes(client: DockerClient, desktop_id: str) -> tuple[list[str], list[str]]:
    """The paths, of the image's part of the file system, that were written and that were removed."""
    found = client.api.diff(desktop_id) or []
    own = [change for change in found if not _is_mount(change["Path"])]
    removed = [change["Path"] for change in own if change["Kind"] == _KIND_REMOVED]
    return [change["Path"] for change in own if change["Kind"] != _KIND_REMOVED], removed


def _is_mount(path: str) -> bool:
    return any(path == mount or path.startswith(f"{mount}/") for mount in _MOUNTS)


async def _pack(
    desktop_id: str, command: Sequence[str], root: bool, path: Path, stdin: Sequence[bytes] = ()
) -> None:
    user = _ROOT if root else USER
    ended = await run_exec(desktop_id, command, user, stdin, partial(archive.store, path=path))
    archive.check_packed(ended.exit_code, ended.words)


async def _run(
    desktop_id: str, command: Sequence[str], user: int, stdin: Iterator[bytes] | Sequence[bytes] = ()
) -> None:
    ended = await run_exec(desktop_id, command, user, stdin)
    if ended.exit_code != 0:
        raise DesktopStartError(f"{command[0]} ended with {ended.exit_code}: {ended.words}")


def _joined(paths: Iterable[str]) -> bytes:
    return b"".join(path.encode() + b"\0" for path in paths)


def _names(path: Path) -> list[str]:
    """Raises SnapshotError: the file may have been imported."""
    names = json.loads(path.read_bytes())
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SnapshotError(f"{path}: not a list of paths; remove this snapshot")
    return names


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
