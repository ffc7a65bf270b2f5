"""Desktops in virtual machines, through libvirt: each a live copy of a template that was booted once."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import anyio
from anyio.abc import ByteStream
from anyio.to_thread import run_sync
from pydantic import ValidationError

from sandboxes.backend import DesktopRecord
from sandboxes.claims import Claims
from sandboxes.errors import BackendUnavailable, DesktopLost, DesktopStartError, SnapshotError
from sandboxes.filelock import only_one
from sandboxes.home import images_folder
from sandboxes.image import ImageStore
from sandboxes.image.build import BuildProgress
from sandboxes.image.disk import missing_packages, vm_disk
from sandboxes.owner import Owner
from sandboxes.process import tail
from sandboxes.spec import Capabilities, DesktopSpec, Model
from sandboxes.vm import memory, pages
from sandboxes.vm.blueprint import Blueprint, versions
from sandboxes.vm.domain import CONSOLE
from sandboxes.vm.hypervisor import Hypervisor
from sandboxes.vm.machines import DISK, MEMORY, STATE, Machines
from sandboxes.vm.make_template import make_template
from sandboxes.vm.probe import known_verdict, probe
from sandboxes.vm.record import Record, read_record
from sandboxes.vm.stage import Stage
from sandboxes.vm.template import Template, sweep

_PROCESSORS = 2
_SAVED = "machine.json"
_TEMPLATE_LABEL = "template"
_LAST_WORDS = 2000  # characters
_TRACING = Path("/proc/sys/kernel/yama/ptrace_scope")

_log = logging.getLogger(__name__)


class _Saved(Model):
    """What a saved machine fits, besides what the snapshot itself says."""

    disk: str
    processors: int


class LibvirtBackend:
    """Virtual machines of QEMU with no network device, each a user of its own on the host.

    KVM where it truly runs a guest, else software emulation.
    """

    name: ClassVar[str] = "libvirt"

    def __init__(self, home: Path) -> None:
        self._images = ImageStore(images_folder(home))
        self._claims = Claims(home)
        self._stage = Stage(home)
        self._hypervisor = Hypervisor()
        self._machines = Machines(self._stage, self._hypervisor)
        self._blueprints: dict[tuple[str, DesktopSpec], Blueprint] = {}

    @property
    def capabilities(self) -> Capabilities:
        """To copy a machine that has run, the kernel must let us read what it has written."""
        copies = _may_trace()
        return Capabilities(
            root=True,
            opens=True,
            survives_controller=True,
            snapshots="machine" if copies else "none",
            live_fork=copies,
        )

    async def check(self) -> str:
        if packages := " ".join(missing_packages()):
            raise BackendUnavailable(f"virtual machines need {packages}: run `apt-get install {packages}`")
        host = await run_sync(lambda: self._hypervisor.host)
        verdict = await run_sync(known_verdict, self._stage, self._hypervisor)
        if verdict is None:
            speed = "whether KVM works is found out at the first desktop"
        else:
            speed = "KVM" if verdict.works else f"software emulation, as {verdict.why}"
        return f"QEMU {host.qemu_version} at {self._hypervisor.uri}, {speed}"

    async def prepare(self, spec: DesktopSpec) -> None:
        """Make the image's disk (once per image, half a minute) and boot a template (once per image, screen,
        limits and open programs, as long as a boot takes), unless they are there."""
        blueprint = await self._blueprint(spec)
        template = self._template(blueprint)
        if not await run_sync(template.is_whole):
            async with only_one(self._stage.templates / f".{blueprint.key}.lock"):
                if not await run_sync(template.is_whole):
                    await self._make(blueprint, template)

    async def create(self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        await self.prepare(spec)
        blueprint = await self._blueprint(spec)
        template = self._template(blueprint)
        record = _record(blueprint, owner, labels, template.memory)
        async with self._ended_on_failure(desktop_id):
            await self._machines.copy_template(desktop_id, blueprint, record, template)
        await run_sync(template.used)

    async def connect(self, desktop_id: str) -> ByteStream:
        return await self._machines.connect(desktop_id)

    async def stop(self, desktop_id: str) -> None:
        await self._machines.end(desktop_id)

    async def desktops(self) -> list[DesktopRecord]:
        records = await run_sync(self._machines.records)
        return [
            DesktopRecord(
                id=desktop_id,
                backend=self.name,
                image=record.spec.image,
                owner=Owner.parse(record.owner),
                started_at=record.started_at,
                labels=record.labels,
            )
            for desktop_id, record in records.items()
        ]

    async def log(self, desktop_id: str) -> str:
        """What its kernel and its guest wrote to its console; libvirt keeps that from growing without end."""
        console = self._machines.folder(desktop_id) / CONSOLE
        return await run_sync(tail, console) if console.exists() else ""

    async def reap(self) -> list[str]:
        """Also the templates that nobody has used for a week."""
        dead = self._claims.abandoned(await self.desktops())
        for desktop_id in dead:
            await self.stop(desktop_id)
        await self._machines.sweep()
        used = {record.template for record in self._machines.records().values()}
        await run_sync(sweep, self._stage.templates, self._stage.disks, used)
        return dead

    # --- copies -------------------------------------------------------------------------------------

    async def fork(self, source_id: str, desktop_id: str, owner: Owner, labels: dict[str, str]) -> None:
        source = read_record(self._machines.folder(source_id))
        if source is None:
            raise DesktopLost(f"desktop {source_id} is gone")
        blueprint = await self._blueprint(source.spec)
        shared = source.memory == self._template(blueprint).memory
        began_with = source.memory if shared else self._machines.folder(desktop_id) / MEMORY
        record = _record(blueprint, owner, labels, began_with)
        async with self._ended_on_failure(desktop_id):
            await self._machines.copy_running(source_id, desktop_id, blueprint, record)

    async def save(self, desktop_id: str, folder: Path) -> None:
        """Memory, without the pages that hold nothing; the state of processors and devices; and what was
        written to the disk, where that may be."""
        record = read_record(self._machines.folder(desktop_id))
        if record is None:
            raise DesktopLost(f"desktop {desktop_id} is gone")
        blueprint = await self._blueprint(record.spec)
        with self._machines.draft(desktop_id) as draft:
            await self._machines.save(desktop_id, draft)
            await run_sync(memory.pack, draft / MEMORY, folder)
            for name in (STATE, DISK):
                if (draft / name).exists():
                    await run_sync(memory.copy_file, draft / name, folder / name)
        saved = _Saved(disk=blueprint.disk.digest, processors=blueprint.processors)
        (folder / _SAVED).write_text(saved.model_dump_json())

    async def create_from(
        self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str], folder: Path
    ) -> None:
        blueprint = await self._blueprint(spec)
        _check_fits(folder / _SAVED, blueprint)
        record = _record(blueprint, owner, labels, self._machines.folder(desktop_id) / MEMORY)
        async with self._ended_on_failure(desktop_id):
            await self._machines.copy_saved(desktop_id, blueprint, record, folder)

    def versions(self) -> dict[str, str]:
        verdict = known_verdict(self._stage, self._hypervisor)
        return versions(self._hypervisor.host, kvm=bool(verdict and verdict.works))

    async def memory(self, ids: Collection[str]) -> dict[str, int]:
        """The proportional share of each machine's process: what machines share counts once."""
        records = await run_sync(self._machines.records)
        running = {name: records[name].process for name in ids if name in records}
        shares = {
            name: await run_sync(pages.share, process.pid) for name, process in running.items() if process
        }
        return {name: share for name, share in shares.items() if share is not None}

    async def _blueprint(self, spec: DesktopSpec) -> Blueprint:
        """Raises ImageNotFound, BackendUnavailable, ImageBuildError."""
        image = self._images.find(spec.image)
        if (image.key, spec) not in self._blueprints:
            disk = await run_sync(self._stage.put_disk, await vm_disk(image, self._images, _tell))
            verdict = await probe(self._stage, self._hypervisor, disk)
            self._blueprints[image.key, spec] = Blueprint(
                spec=spec,
                disk=disk,
                processors=min(_PROCESSORS, os.cpu_count() or 1),
                kvm=verdict.works,
                host=self._hypervisor.host,
            )
        return self._blueprints[image.key, spec]

    def _template(self, blueprint: Blueprint) -> Template:
        return Template(self._stage.templates / blueprint.key)

    async def _make(self, blueprint: Blueprint, template: Template) -> None:
        _log.info("booting a virtual machine of image %r, to be copied", blueprint.spec.image)
        labels = {_TEMPLATE_LABEL: blueprint.key}
        record = _record(blueprint, Owner.current(), labels, template.memory)
        await make_template(self._stage, self._hypervisor, blueprint, record, template)

    @asynccontextmanager
    async def _ended_on_failure(self, desktop_id: str) -> AsyncIterator[None]:
        try:
            yield
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                last_words = await self.log(desktop_id)
                await self.stop(desktop_id)
            if isinstance(error, DesktopStartError) and last_words:
                raise DesktopStartError(f"{error}\n{last_words[-_LAST_WORDS:]}") from error
            raise


def _record(blueprint: Blueprint, owner: Owner, labels: dict[str, str], memory_file: Path) -> Record:
    return Record(
        spec=blueprint.spec,
        owner=str(owner),
        started_at=time.time(),
        labels=labels,
        template=blueprint.key,
        memory=memory_file,
    )


def _check_fits(file: Path, blueprint: Blueprint) -> None:
    """Raises SnapshotError."""
    try:
        saved = _Saved.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise SnapshotError(f"{file.name}: not a saved virtual machine: {error}") from None
    here = _Saved(disk=blueprint.disk.digest, processors=blueprint.processors)
    if saved != here:
        raise SnapshotError(
            f"the virtual machine was saved with disk {saved.disk[:12]} and {saved.processors} processors; "
            f"here is disk {here.disk[:12]} and {here.processors} processors"
        )


def _may_trace() -> bool:
    """Whether this kernel lets a process read the memory of another of the same user."""
    return os.geteuid() == 0 or not _TRACING.exists() or _TRACING.read_text().strip() == "0"


def _tell(progress: BuildProgress) -> None:
    _log.info("virtual machine's disk: %s", progress.stage)
