"""Desktops in Linux namespaces, made by bubblewrap: no daemon, and no root needed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from threading import Thread
from typing import IO, ClassVar

import anyio
from anyio.abc import ByteStream
from pydantic import BaseModel, ConfigDict, Field

from sandboxes import archive, cgroup, namespaces, process
from sandboxes.backend import DesktopRecord
from sandboxes.bubblewrap_check import check_bubblewrap
from sandboxes.errors import DesktopLost, DesktopStartError
from sandboxes.guest_code import code_folder
from sandboxes.home import images_folder, run_folder
from sandboxes.image import Image, ImageStore
from sandboxes.owner import Owner
from sandboxes.spec import Capabilities, DesktopSpec
from sandboxes.unixsocket import connect_unix

_UNPACK_FIRST = f'{" ".join(archive.UNPACK)} && exec "$@" </dev/null'
_RESTORING_GUEST = ("sh", "-c", _UNPACK_FIRST, "sh", *namespaces.GUEST)
_AS_USER = ("--owner=1000", "--group=1000")  # whom the host sees them belong to is nobody's business
_SOCKET = "guest.sock"
_BACKLOG = 64
_STOP_SECONDS = 10
_LAST_WORDS_SECONDS = 2


class _Record(BaseModel):
    """`record.json`: what another process must know to end a desktop and remove it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    owner: str
    started_at: float
    labels: dict[str, str]
    groups: list[Path]
    processes: list[str] = Field(default=[], description="bubblewrap itself, and process 1 inside")


@dataclass(frozen=True, slots=True)
class _Program:
    """What process 1 inside runs, and what it reads first."""

    command: Sequence[str]
    stdin: IO[bytes]


class BubblewrapBackend:
    """Namespaces with a read-only image, private folders in memory, no capabilities and no network."""

    name: ClassVar[str] = "bubblewrap"

    def __init__(self, home: Path) -> None:
        self._home = home
        self._images = ImageStore(images_folder(home))
        self._folder = run_folder(home, self.name)
        self._parents = cgroup.find_parents()
        self._keepers: dict[str, Thread] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Without control groups of our own, limits are per process, and watched by the guest."""
        return Capabilities(hard_limits=bool(self._parents), snapshots="home")

    async def check(self) -> str:
        return await anyio.to_thread.run_sync(check_bubblewrap)

    async def prepare(self, spec: DesktopSpec) -> None:
        self._images.find(spec.image)

    async def create(self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        with open(os.devnull, "rb") as nothing:  # noqa: ASYNC230, PTH123
            await self._create(desktop_id, spec, owner, labels, _Program(namespaces.GUEST, nothing))

    async def create_from(
        self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str], folder: Path
    ) -> None:
        with open(folder / archive.FILE_NAME, "rb") as saved:  # noqa: ASYNC230, PTH123
            await self._create(desktop_id, spec, owner, labels, _Program(_RESTORING_GUEST, saved))

    async def save(self, desktop_id: str, folder: Path) -> None:
        """The private folders that hold files; what is open in a program, and unsaved, is not among them."""
        with self._root_inside(desktop_id) as root:
            command = archive.pack(f"/proc/self/fd/{root}", *_AS_USER)
            async with await anyio.open_process(command, pass_fds=[root], stderr=DEVNULL) as tar:
                assert tar.stdout is not None
                await archive.store(tar.stdout, folder / archive.FILE_NAME)
                archive.check_packed(await tar.wait())

    def versions(self) -> dict[str, str]:
        return {"archive": archive.FORMAT}

    async def memory(self, ids: Collection[str]) -> dict[str, int]:
        records = {desktop_id: _read(self._folder / desktop_id) for desktop_id in ids}
        used = {name: cgroup.working_set(record.groups) for name, record in records.items() if record}
        return {name: size for name, size in used.items() if size is not None}

    @contextlib.contextmanager
    def _root_inside(self, desktop_id: str) -> Iterator[int]:
        """The desktop's own root folder, as process 1 inside sees it. Raises DesktopLost."""
        record = _read(self._folder / desktop_id)
        if record is None or not record.processes:
            raise DesktopLost(f"desktop {desktop_id} is gone")
        inside = Owner.parse(record.processes[-1])
        try:
            root = os.open(f"/proc/{inside.pid}/root", os.O_PATH | os.O_DIRECTORY)
        except OSError as error:
            raise DesktopLost(f"desktop {desktop_id} is gone: {error}") from error
        try:
            if not inside.is_alive():  # another process may have its id by now, and another root
                raise DesktopLost(f"desktop {desktop_id} is gone")
            yield root
        finally:
            os.close(root)

    async def _create(
        self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str], program: _Program
    ) -> None:
        image = self._images.find(spec.image)
        groups = cgroup.plan(self._parents, desktop_id)
        record = _Record(
            image=spec.image, owner=str(owner), started_at=time.time(), labels=labels, groups=groups
        )
        try:
            await anyio.to_thread.run_sync(self._start, desktop_id, spec, image, record, program)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.stop(desktop_id)
            raise

    def _start(
        self, desktop_id: str, spec: DesktopSpec, image: Image, record: _Record, program: _Program
    ) -> None:
        folder = self._folder / desktop_id
        folder.mkdir(parents=True, mode=0o700)
        _write(folder, record)
        try:
            cgroup.make(record.groups, spec.limits)
            processes = self._spawn(desktop_id, spec, image, record.groups, program)
        except OSError as error:
            raise DesktopStartError(f"desktop {desktop_id} did not start: {error}") from error
        _write(folder, record.model_copy(update={"processes": processes}))

    def _spawn(
        self, desktop_id: str, spec: DesktopSpec, image: Image, groups: list[Path], program: _Program
    ) -> list[str]:
        folder = self._folder / desktop_id
        log = folder / "log"
        environment = namespaces.guest_environment(spec, watched=not groups)
        info, info_end = os.pipe()
        with open(info) as info_file, _listening(folder) as listener:  # noqa: PTH123
            try:
                with namespaces.user_namespace(desktop_id) as user_namespace:
                    environment["DESKSWARM_LISTEN_FD"] = str(listener.fileno())
                    command = namespaces.command(
                        image.rootfs,
                        code_folder(self._home),
                        spec.limits,
                        environment,
                        info_end,
                        user_namespace,
                        program.command,
                    )
                    passed = [listener.fileno(), info_end, *filter(None, [user_namespace])]
                    outer, self._keepers[desktop_id] = process.start_kept(
                        cgroup.joining(groups, command), passed, log, program.stdin.fileno()
                    )
            finally:
                os.close(info_end)
            told = info_file.read()
        try:
            return [str(Owner.of(outer)), str(Owner.of(json.loads(told)["child-pid"]))]
        except (ValueError, ProcessLookupError) as error:
            words = self._last_words(desktop_id)
            raise DesktopStartError(f"bubblewrap did not start {desktop_id}: {words}") from error

    async def connect(self, desktop_id: str) -> ByteStream:
        try:
            with _short_path(self._folder / desktop_id) as folder:
                return await connect_unix(f"{folder}/{_SOCKET}")
        except OSError as error:
            raise DesktopLost(f"desktop {desktop_id} is gone: {error}") from error

    async def stop(self, desktop_id: str) -> None:
        folder = self._folder / desktop_id
        record = _read(folder)
        if record is None:
            return
        try:
            with anyio.fail_after(_STOP_SECONDS):
                for text in record.processes:
                    await process.end(Owner.parse(text))
                await cgroup.remove(record.groups)
        except TimeoutError:
            raise DesktopLost(f"desktop {desktop_id} did not end within {_STOP_SECONDS} s") from None
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        self._keepers.pop(desktop_id, None)

    async def desktops(self) -> list[DesktopRecord]:
        found = ((folder.name, _read(folder)) for folder in self._folders())
        return [
            DesktopRecord(
                id=desktop_id,
                backend=self.name,
                image=record.image,
                owner=Owner.parse(record.owner),
                started_at=record.started_at,
                labels=record.labels,
            )
            for desktop_id, record in found
            if record
        ]

    async def log(self, desktop_id: str) -> str:
        return await anyio.to_thread.run_sync(self._last_words, desktop_id)

    def _last_words(self, desktop_id: str) -> str:
        """All of them, of a desktop that has ended or is about to: its keeper may not have read the last yet.

        While the kernel ends the other processes, the first looks alive, and its streams have ended.
        """
        if keeper := self._keepers.get(desktop_id):
            keeper.join(_LAST_WORDS_SECONDS)
        log = self._folder / desktop_id / "log"
        return process.tail(log) if log.exists() else ""

    async def reap(self) -> list[str]:
        dead = [desktop.id for desktop in await self.desktops() if not desktop.owner.is_alive()]
        for desktop_id in dead:
            await self.stop(desktop_id)
        return dead

    def _folders(self) -> list[Path]:
        return sorted(self._folder.iterdir()) if self._folder.is_dir() else []


def _write(folder: Path, record: _Record) -> None:
    """Whole or not at all: another process may be reading."""
    draft = folder / "record.json.new"
    draft.write_text(record.model_dump_json())
    draft.rename(folder / "record.json")


def _read(folder: Path) -> _Record | None:
    try:
        return _Record.model_validate_json((folder / "record.json").read_bytes())
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """Another path to a folder, short enough for a Unix socket's address (108 bytes)."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


@contextlib.contextmanager
def _listening(folder: Path) -> Iterator[socket.socket]:
    """The guest's socket, made here and handed in open, so that no folder of the host is writable inside."""
    with socket.socket(socket.AF_UNIX) as listener, _short_path(folder) as short:
        listener.bind(f"{short}/{_SOCKET}")
        listener.listen(_BACKLOG)
        yield listener
