"""Starting, pausing and ending machines: calls of libvirt, which block, for threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import libvirt

from sandboxes.errors import DesktopLost, DesktopStartError
from sandboxes.owner import Owner
from sandboxes.vm.domain import Machine
from sandboxes.vm.monitor import load_state
from sandboxes.vm.record import read_record

_NOT_THERE = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID)


def start(connection: libvirt.virConnect, machine: Machine) -> Owner:
    """Start a machine: one that boots does, another stands still until it is given its state. Its process.

    Raises DesktopStartError.
    """
    flags = libvirt.VIR_DOMAIN_NONE if machine.boot else libvirt.VIR_DOMAIN_START_PAUSED
    try:
        connection.createXML(machine.xml(), flags)
    except libvirt.libvirtError as error:
        raise DesktopStartError(f"the machine {machine.name} did not start: {error}") from error
    return _process(machine.name)


def go_on(connection: libvirt.virConnect, name: str, state: Path) -> None:
    """Give a machine the state of another, with which it goes on. Raises DesktopStartError."""
    try:
        domain = connection.lookupByName(name)
        load_state(domain, state)
        domain.resume()
    except libvirt.libvirtError as error:
        raise DesktopStartError(f"the machine {name} did not go on: {error}") from error


def pause(connection: libvirt.virConnect, name: str) -> libvirt.virDomain:
    """Stop a machine's processors; what it has written to its disk is there. Raises DesktopLost."""
    try:
        domain = connection.lookupByName(name)
        domain.suspend()
    except libvirt.libvirtError as error:
        raise DesktopLost(f"desktop {name} is gone: {error}") from error
    return domain


@contextmanager
def paused(connection: libvirt.virConnect, name: str) -> Iterator[libvirt.virDomain]:
    """The same for a block. Raises DesktopLost."""
    domain = pause(connection, name)
    try:
        yield domain
    finally:
        domain.resume()


def end(connection: libvirt.virConnect, name: str) -> None:
    """Harmless where there is none. Raises libvirtError."""
    try:
        connection.lookupByName(name).destroy()
    except libvirt.libvirtError as error:
        if error.get_error_code() not in _NOT_THERE:
            raise


def end_strays(connection: libvirt.virConnect, runs: Path) -> None:
    """End the machines whose folders were in `runs` and that have no record there any more: libvirt was still
    busy starting one when it was ended. Raises libvirtError."""
    for domain in connection.listAllDomains():
        name = domain.name()
        if read_record(runs / name) is None and f"{runs}/{name}/" in _description(domain):
            end(connection, name)


def _description(domain: libvirt.virDomain) -> str:
    try:
        return str(domain.XMLDesc())
    except libvirt.libvirtError as error:
        if error.get_error_code() in _NOT_THERE:
            return ""
        raise


def _process(name: str) -> Owner:
    """QEMU's process. Raises DesktopStartError."""
    mark = f"guest={name},".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "cmdline").read_bytes():
                return Owner.of(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile, and was not the one
            continue
    raise DesktopStartError(f"the machine {name} ended at once")
