"""Files of the desktop, in chunks. The functions block; they are called in a worker thread."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .failures import RequestFailed
from .paths import HOME
from .protocol import (
    FileEntry,
    FileList,
    FileListReply,
    FileRead,
    FileReadReply,
    FileRemove,
    FileWrite,
    Nothing,
)

_MAX_ENTRIES = 10_000


def expand(path: str) -> Path:
    """A path with `~` as the home folder; a relative one starts there too."""
    if path == "~" or path.startswith("~/"):
        path = path[2:]
    return Path(HOME, path)


def read_file(args: FileRead, _: bytes) -> tuple[FileReadReply, bytes]:
    """Fails for what is not a regular file: a pipe or a device could block for ever."""
    with _failing(args.path), _opened(expand(args.path), os.O_RDONLY | os.O_NONBLOCK) as fd:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise RequestFailed("file_error", f"{args.path}: not a file")
        data = os.pread(fd, args.size, args.offset)
        return FileReadReply(total=max(status.st_size, args.offset + len(data))), data


def write_file(args: FileWrite, attachment: bytes) -> tuple[Nothing, bytes]:
    path = expand(args.path)
    flags = os.O_WRONLY | os.O_NONBLOCK
    with _failing(args.path):
        if args.offset == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags |= os.O_CREAT | os.O_TRUNC
        with _opened(path, flags, args.mode) as fd:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise RequestFailed("file_error", f"{args.path}: not a file")
            if args.offset == 0:
                os.fchmod(fd, args.mode)
            _write_all(fd, attachment, args.offset)
    return Nothing(), b""


def list_files(args: FileList, _: bytes) -> tuple[FileListReply, bytes]:
    path = expand(args.path)
    with _failing(args.path):
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return FileListReply(entries=None), b""
        if not stat.S_ISDIR(status.st_mode):
            return FileListReply(entries=(_entry(path),)), b""
        names = sorted(os.listdir(path))  # noqa: PTH208 (plain names, which sort fast)
        if len(names) > _MAX_ENTRIES:
            raise RequestFailed("file_error", f"{args.path}: more than {_MAX_ENTRIES} entries")
        return FileListReply(entries=tuple(_entry(path / name) for name in names)), b""


def remove_file(args: FileRemove, _: bytes) -> tuple[Nothing, bytes]:
    """Remove a file, a link, or a folder with all that is in it."""
    path = expand(args.path)
    with _failing(args.path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return Nothing(), b""


@contextmanager
def _failing(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise RequestFailed("not_found", f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise RequestFailed("file_error", f"{path}: {getattr(error, 'strerror', None) or error}") from None


@contextmanager
def _opened(path: Path, flags: int, mode: int = 0o644) -> Iterator[int]:
    fd = os.open(path, flags | os.O_CLOEXEC, mode)
    try:
        yield fd
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(fd, left, offset)
        left, offset = left[written:], offset + written


def _entry(path: Path) -> FileEntry:
    """A link counts as what it points to, a broken one as something else."""
    try:
        status = path.stat()
    except OSError:
        status = path.lstat()
    return FileEntry(name=_printable(path.name), kind=_kind(status.st_mode), size=status.st_size)


def _kind(mode: int) -> Literal["file", "folder", "other"]:
    if stat.S_ISREG(mode):
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "other"


def _printable(name: str) -> str:
    """A file name is bytes; what is not UTF-8 in it cannot travel as JSON."""
    return os.fsencode(name).decode("utf-8", "replace")
