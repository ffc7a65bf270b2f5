"""Whether KVM runs a guest here. A device that opens proves nothing: the processor may lack what a kernel
needs."""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from functools import partial
from pathlib import Path

import libvirt
from anyio.to_thread import run_sync
from pydantic import ValidationError

from sandboxes.errors import DesktopStartError
from sandboxes.filelock import only_one
from sandboxes.image.disk import VmDisk
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec, Model, new_desktop_id
from sandboxes.vm import launch
from sandboxes.vm.blueprint import processor
from sandboxes.vm.domain import CONSOLE, Boot, Machine
from sandboxes.vm.hypervisor import Hypervisor
from sandboxes.vm.record import Record
from sandboxes.vm.stage import Stage, empty_file

_DEVICE = Path("/dev/kvm")
_MEMORY_BYTES = 256 << 20
_DEADLINE_SECONDS = 15
_PACE_S = 0.05
_SAID = re.compile(r"qemu-system-\S+: (.+)")
_LIVES = b"Kernel panic - not syncing: VFS"  # as it has no driver for the disk: all else of the kernel works


class Verdict(Model):
    """`tried_on`: what it depends on. It holds only where that is the same."""

    works: bool
    why: str
    tried_on: str


def known_verdict(stage: Stage, hypervisor: Hypervisor) -> Verdict | None:
    """What was found out before, in the same circumstances. Raises BackendUnavailable."""
    if not _DEVICE.exists():
        return Verdict(works=False, why=f"there is no {_DEVICE}", tried_on="")
    here = _circumstances(hypervisor)
    try:
        verdict = Verdict.model_validate_json(stage.kvm_verdict.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return verdict if verdict.tried_on == here else None


async def probe(stage: Stage, hypervisor: Hypervisor, disk: VmDisk) -> Verdict:
    """Found out once, by booting a kernel until it says that it has no disk. Raises BackendUnavailable."""
    async with only_one(stage.kvm_verdict.with_suffix(".lock")):
        known = await run_sync(known_verdict, stage, hypervisor)
        if known:
            return known
        works, why = await _try(stage, hypervisor, disk)
        verdict = Verdict(works=works, why=why, tried_on=_circumstances(hypervisor))
        draft = stage.kvm_verdict.with_suffix(".new")
        draft.write_text(verdict.model_dump_json())
        draft.rename(stage.kvm_verdict)
        return verdict


async def _try(stage: Stage, hypervisor: Hypervisor, disk: VmDisk) -> tuple[bool, str]:
    name = new_desktop_id()
    folder = stage.make_run(name)
    try:
        memory, user = folder / "memory", hypervisor.user(name, kvm=True)
        _record(memory).write(folder)
        machine = Machine(
            name=name,
            folder=folder,
            memory=empty_file(memory, _MEMORY_BYTES, user),
            memory_bytes=_MEMORY_BYTES,
            processors=1,
            disk=disk.disk,
            writable=False,
            kvm=True,
            user=user,
            unconfined_by=hypervisor.host.security_models,
            boot=Boot(disk.kernel, None, "console=ttyS0 panic=-1"),
        )
        return await hypervisor.ask(partial(_boots, machine=machine))
    finally:
        await run_sync(shutil.rmtree, folder)


def _record(memory: Path) -> Record:
    """By which it is ended should we die."""
    return Record(
        spec=DesktopSpec(),
        owner=str(Owner.current()),
        started_at=time.time(),
        labels={"probe": "kvm"},
        template="",
        memory=memory,
    )


def _boots(connection: libvirt.virConnect, machine: Machine) -> tuple[bool, str]:
    console = machine.folder / CONSOLE
    deadline = time.monotonic() + _DEADLINE_SECONDS
    try:
        launch.start(connection, machine)
        while time.monotonic() < deadline:
            if console.exists() and _LIVES in console.read_bytes():
                return True, "a guest booted under it"
            time.sleep(_PACE_S)
        return False, f"under KVM a kernel did not boot within {_DEADLINE_SECONDS} s"
    except DesktopStartError as error:
        said = _SAID.search(str(error))
        return False, f"under KVM QEMU fails with {said[1] if said else error!s}"
    finally:
        launch.end(connection, machine.name)


def _circumstances(hypervisor: Hypervisor) -> str:
    """Who may open the device is what people change once they have read the verdict."""
    device = _DEVICE.stat()
    access = f"{device.st_mode:o} {device.st_uid}:{device.st_gid} {os.access(_DEVICE, os.R_OK | os.W_OK)}"
    versions = f"Linux {platform.release()}, QEMU {hypervisor.host.qemu_version}"
    return f"{versions}, {processor()}, {_DEVICE} {access}"
