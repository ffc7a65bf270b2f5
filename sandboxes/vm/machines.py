"""The running machines of one home: copies of a template, of each other, or of a saved one."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import libvirt
from anyio.abc import ByteStream
from anyio.to_thread import run_sync

from sandboxes import process
from sandboxes.deadline import deadline
from sandboxes.errors import DesktopLost, DesktopStartError, InfraError
from sandboxes.guest.frames import FrameError
from sandboxes.owner import Owner
from sandboxes.vm import launch, memory, pages
from sandboxes.vm.adopt import adopt
from sandboxes.vm.blueprint import Blueprint
from sandboxes.vm.domain import Machine
from sandboxes.vm.hypervisor import Hypervisor
from sandboxes.vm.monitor import save_state
from sandboxes.vm.ports import connect
from sandboxes.vm.record import Record, read_record
from sandboxes.vm.stage import Stage
from sandboxes.vm.template import Template

MEMORY, STATE, DISK = "memory", "state", "disk.qcow2"
_ADOPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Running:
    process: Owner
    memory: Path


class Machines:
    def __init__(self, stage: Stage, hypervisor: Hypervisor) -> None:
        self._stage = stage
        self._hypervisor = hypervisor
        self._adopted: dict[str, ByteStream] = {}

    def folder(self, desktop_id: str) -> Path:
        return self._stage.runs / desktop_id

    def records(self) -> dict[str, Record]:
        """All machines of this home, by their desktops' ids."""
        found = {folder.name: read_record(folder) for folder in sorted(self._stage.runs.glob("*"))}
        return {name: record for name, record in found.items() if record}

    async def copy_template(
        self, desktop_id: str, blueprint: Blueprint, record: Record, template: Template
    ) -> None:
        """Raises DesktopStartError, BackendUnavailable."""
        folder = self._begin(desktop_id, record)
        if blueprint.spec.root:
            await run_sync(memory.copy_file, template.disk, folder / DISK)
        await self._start_copy(desktop_id, blueprint, record)
        await self._go_on(desktop_id, blueprint, record, template.state)

    async def copy_running(
        self, source_id: str, desktop_id: str, blueprint: Blueprint, record: Record
    ) -> None:
        """The copy's memory begins with the file that the source's began with; what the source has written
        since is handed over from the one process to the other. Raises DesktopLost too."""
        folder = self._begin(desktop_id, record)
        source = self._running(source_id)
        if record.memory != source.memory:
            await run_sync(memory.copy_file, source.memory, record.memory)
        if blueprint.spec.root:  # QEMU opens it now, and reads it when the machine goes on
            await run_sync(memory.copy_file, self.folder(source_id) / DISK, folder / DISK)
        copy = await self._start_copy(desktop_id, blueprint, record)

        def hand_over() -> None:
            pages.add_to_machine(source.process.pid, source.memory, copy.pid, record.memory)

        await self._save(source_id, folder, hand_over)
        await self._go_on(desktop_id, blueprint, record, folder / STATE)

    async def copy_saved(self, desktop_id: str, blueprint: Blueprint, record: Record, saved: Path) -> None:
        """From what `memory.pack` made of `save`. Raises SnapshotError too."""
        folder = self._begin(desktop_id, record)
        await run_sync(memory.unpack, saved, folder / MEMORY, blueprint.memory_bytes)
        if blueprint.spec.root:
            await run_sync(memory.copy_file, saved / DISK, folder / DISK)
        await self._start_copy(desktop_id, blueprint, record)
        await self._go_on(desktop_id, blueprint, record, saved / STATE)

    async def save(self, desktop_id: str, target: Path) -> None:
        """Write a running machine's memory, state and disk to a folder on the stage; it goes on.

        What its kernel has not yet written to the disk is in the memory, which is of the same moment.
        Raises DesktopLost.
        """
        source = self._running(desktop_id)
        await run_sync(memory.copy_file, source.memory, target / MEMORY)

        def add_pages() -> None:
            pages.add_to_file(source.process.pid, source.memory, target / MEMORY)

        await self._save(desktop_id, target, add_pages)

    async def _save(self, desktop_id: str, target: Path, keep_pages: Callable[[], None]) -> None:
        """A machine's state and disk, and what it has written to its memory, which is somebody else's matter.
        It stands still only while that is copied."""
        user = self._hypervisor.user(desktop_id, kvm=False)
        disk = self.folder(desktop_id) / DISK

        def save(connection: libvirt.virConnect) -> None:
            with launch.paused(connection, desktop_id) as domain:
                save_state(domain, target / STATE, user)
                keep_pages()
                if disk.exists():
                    memory.copy_file(disk, target / DISK)

        await self._hypervisor.ask(save)

    @contextmanager
    def draft(self, desktop_id: str) -> Iterator[Path]:
        """A folder on the stage, to save a machine to; gone on leaving, or with the machine."""
        folder = Path(tempfile.mkdtemp(prefix="saved-", dir=self.folder(desktop_id)))
        folder.chmod(0o711)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def start(self, machine: Machine, record: Record) -> Owner:
        """Start a machine; its process. Raises DesktopStartError."""
        qemu = await self._hypervisor.ask(partial(launch.start, machine=machine))
        record.model_copy(update={"processes": [str(qemu)]}).write(machine.folder)
        return qemu

    async def connect(self, desktop_id: str) -> ByteStream:
        """Raises DesktopLost."""
        adopted = self._adopted.pop(desktop_id, None)
        if adopted:
            return adopted
        try:
            return await connect(self.folder(desktop_id))
        except OSError as error:
            raise DesktopLost(f"desktop {desktop_id} is gone: {error}") from error

    async def end(self, desktop_id: str) -> None:
        """End a machine and remove its folder. Harmless where there is none. Raises BackendUnavailable."""
        adopted = self._adopted.pop(desktop_id, None)
        if adopted:
            await anyio.aclose_forcefully(adopted)
        folder = self.folder(desktop_id)
        if not folder.is_dir():
            return
        record = await run_sync(read_record, folder)
        if record and record.process:  # libvirt would first ask it to end, and wait
            await process.end(record.process)
        await self._hypervisor.ask(partial(launch.end, name=desktop_id))
        await run_sync(partial(shutil.rmtree, folder, ignore_errors=True))

    async def sweep(self) -> None:
        """End and remove what has no record: what was being started, or ended, when its controller died."""
        if not self._stage.runs.is_dir():  # none was ever started
            return
        await self._hypervisor.ask(partial(launch.end_strays, runs=self._stage.runs))
        await run_sync(self._stage.sweep_runs)

    def _begin(self, desktop_id: str, record: Record) -> Path:
        folder = self._stage.make_run(desktop_id)
        record.write(folder)
        return folder

    def _running(self, desktop_id: str) -> _Running:
        record = read_record(self.folder(desktop_id))
        if record is None or record.process is None:
            raise DesktopLost(f"desktop {desktop_id} is gone")
        return _Running(record.process, record.memory)

    async def _start_copy(self, desktop_id: str, blueprint: Blueprint, record: Record) -> Owner:
        """It stands still: it has no state yet."""
        folder = self.folder(desktop_id)
        user = self._hypervisor.user(desktop_id, kvm=blueprint.kvm)
        own_disk = folder / DISK
        for file in (folder / MEMORY, own_disk):
            if user and file.exists():
                user.give(file)
        disk = own_disk if blueprint.spec.root else blueprint.disk.disk
        machine = blueprint.machine(desktop_id, folder, memory=record.memory, disk=disk, user=user, boot=None)
        return await self.start(machine, record)

    async def _go_on(self, desktop_id: str, blueprint: Blueprint, record: Record, state: Path) -> None:
        await self._hypervisor.ask(partial(launch.go_on, name=desktop_id, state=state))
        await self._adopt(desktop_id, record.started_at + blueprint.spec.limits.lifetime_s)

    async def _adopt(self, desktop_id: str, ends_at: float) -> None:
        """The connection goes on to the desktop's first holder."""
        lifetime_s = ends_at - time.time()
        if lifetime_s <= 0:
            raise DesktopStartError(f"desktop {desktop_id} started too slowly: lifetime over")
        try:
            with deadline(f"{desktop_id}'s answer to its new name", _ADOPT_SECONDS):
                stream = await connect(self.folder(desktop_id))
                try:
                    await adopt(stream, desktop_id, lifetime_s, _ADOPT_SECONDS)
                except BaseException:
                    await anyio.aclose_forcefully(stream)
                    raise
        except (OSError, FrameError, InfraError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
            raise DesktopStartError(f"desktop {desktop_id} did not take its new name: {error}") from error
        self._adopted[desktop_id] = stream
