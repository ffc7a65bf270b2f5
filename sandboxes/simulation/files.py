"""The files of a simulated desktop: a mapping from absolute paths to contents."""

from __future__ import annotations

import posixpath

from sandboxes.guest.protocol import FileEntry

HOME = "/home/user"


class NoSuchFile(Exception):
    """The message says what could not be done with which path."""


class Files:
    def __init__(self, max_bytes: int) -> None:
        self._contents: dict[str, bytes] = {}
        self._max_bytes = max_bytes

    def read(self, path: str) -> bytes:
        try:
            return self._contents[absolute(path)]
        except KeyError:
            raise NoSuchFile(f"{path}: no such file") from None

    def write(self, path: str, data: bytes, offset: int = 0) -> None:
        full = absolute(path)
        if self._entry(full) == "folder":
            raise NoSuchFile(f"{path}: is a folder")
        before = self._contents.get(full, b"")[:offset] if offset else b""
        if sum(map(len, self._contents.values())) + len(data) > self._max_bytes:
            raise NoSuchFile(f"{path}: no space left")
        self._contents[full] = before.ljust(offset, b"\0") + data

    def remove(self, path: str) -> None:
        full = absolute(path)
        if self._entry(full) is None:
            raise NoSuchFile(f"{path}: no such file")
        for name in [name for name in self._contents if name == full or name.startswith(f"{full}/")]:
            del self._contents[name]

    def entries(self, path: str) -> tuple[FileEntry, ...] | None:
        full = absolute(path)
        kind = self._entry(full)
        if kind == "file":
            name = posixpath.basename(full)
            return (FileEntry(name=name, kind="file", size=len(self._contents[full])),)
        return None if kind is None else self._children(full.rstrip("/") + "/")

    def _children(self, prefix: str) -> tuple[FileEntry, ...]:
        found: dict[str, FileEntry] = {}
        for path, data in sorted(self._contents.items()):
            if path.startswith(prefix):
                name, slash, _ = path.removeprefix(prefix).partition("/")
                found[name] = FileEntry(
                    name=name, kind="folder" if slash else "file", size=0 if slash else len(data)
                )
        return tuple(found.values())

    def _entry(self, full: str) -> str | None:
        if full in self._contents:
            return "file"
        inside = any(path.startswith(full.rstrip("/") + "/") for path in self._contents)
        return "folder" if inside or f"{HOME}/".startswith(full.rstrip("/") + "/") else None


def absolute(path: str) -> str:
    """A desktop path in full; `~` is the home folder. Raises NoSuchFile for a relative one."""
    if path == "~" or path.startswith("~/"):
        path = HOME + path[1:]
    if not path.startswith("/"):
        raise NoSuchFile(f"{path}: give an absolute path, or one that starts with ~")
    return posixpath.normpath(path)
