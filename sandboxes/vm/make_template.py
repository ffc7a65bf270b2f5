"""Making a template: a desktop like any other, until it is saved. Should we die before, it is reaped."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import anyio
import libvirt
from anyio.to_thread import run_sync

from sandboxes.image.process import run_logged
from sandboxes.spec import new_desktop_id
from sandboxes.vm import launch
from sandboxes.vm.blueprint import Blueprint
from sandboxes.vm.first_boot import rehearse, wait_until_up
from sandboxes.vm.hypervisor import Hypervisor, User
from sandboxes.vm.machines import DISK, MEMORY, STATE, Machines
from sandboxes.vm.monitor import save_state
from sandboxes.vm.record import Record
from sandboxes.vm.stage import Stage, empty_file
from sandboxes.vm.template import Template


async def make_template(
    stage: Stage, hypervisor: Hypervisor, blueprint: Blueprint, record: Record, template: Template
) -> None:
    """Boot a desktop, use it, save it. Raises DesktopStartError, DeadlineExceeded, BackendUnavailable."""
    machines = Machines(stage, hypervisor)
    desktop_id = new_desktop_id()
    try:
        folder = stage.make_run(desktop_id)
        record.write(folder)
        user = hypervisor.user(desktop_id, kvm=blueprint.kvm)
        machine = blueprint.machine(
            desktop_id,
            folder,
            memory=await run_sync(empty_file, folder / MEMORY, blueprint.memory_bytes, user),
            disk=await _disk(folder, blueprint, user),
            user=user,
            boot=blueprint.boot,
        )
        await machines.start(machine, record)
        await wait_until_up(folder)
        async with await machines.connect(desktop_id) as stream:
            await rehearse(stream, desktop_id, blueprint.spec.open)
        await hypervisor.ask(partial(_save, name=desktop_id, folder=folder, user=user))
        await run_sync(_keep, folder, blueprint, user, template)
    finally:
        with anyio.CancelScope(shield=True):
            await machines.end(desktop_id)


async def _disk(folder: Path, blueprint: Blueprint, user: User | None) -> Path:
    """Where desktops may write to their disk, one that keeps apart what they write."""
    if not blueprint.spec.root:
        return blueprint.disk.disk
    base = ("-b", str(blueprint.disk.disk), "-F", "qcow2")
    await run_logged(["qemu-img", "create", "-q", "-f", "qcow2", *base, str(folder / DISK)])
    if user:
        user.give(folder / DISK)
    return folder / DISK


def _save(connection: libvirt.virConnect, name: str, folder: Path, user: User | None) -> None:
    """Its memory is in its file already. It never runs again."""
    save_state(launch.pause(connection, name), folder / STATE, user)
    launch.end(connection, name)


def _keep(folder: Path, blueprint: Blueprint, user: User | None, template: Template) -> None:
    """Copies share its memory; the rest is handed to each."""
    made = folder / "made"
    made.mkdir(mode=0o711)
    for name in (MEMORY, STATE, DISK):
        if (folder / name).exists():
            (folder / name).rename(made / name)
            if user:
                os.chown(made / name, os.geteuid(), os.getegid())
    if user:
        user.share(made / MEMORY)
    template.keep(made, blueprint.disk.disk)
