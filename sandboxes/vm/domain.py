"""A machine as libvirt is told of it: memory in a file, a disk, four ports, a console; and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from sandboxes.vm import monitor
from sandboxes.vm.hypervisor import User

PORTS = 4
CONSOLE = "console.log"
_QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
_TRANSLATED_MIB = 64
_MIB = 1 << 20
register_namespace("qemu", _QEMU)


@dataclass(frozen=True, slots=True)
class Boot:
    kernel: Path
    initrd: Path | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Machine:
    """`boot` is None for a copy, which takes over the state of another and has its memory file to itself only
    where it writes to it. A disk is written to only where `writable`."""

    name: str
    folder: Path
    memory: Path
    memory_bytes: int
    processors: int
    disk: Path
    writable: bool
    kvm: bool
    user: User | None
    unconfined_by: tuple[str, ...]
    boot: Boot | None = None

    def xml(self) -> str:
        domain = Element("domain", type="kvm" if self.kvm else "qemu")
        _text(domain, "name", self.name)
        _text(domain, "memory", str(self.memory_bytes // _MIB), unit="MiB")
        _text(domain, "vcpu", str(self.processors))
        self._system(domain)
        _text(SubElement(domain, "clock", offset="utc"), "timer", None, name="hpet", present="no")
        for event in ("on_poweroff", "on_reboot", "on_crash"):
            _text(domain, event, "destroy")
        self._confinement(domain)
        self._devices(SubElement(domain, "devices"))
        self._command_line(SubElement(domain, f"{{{_QEMU}}}commandline"))
        # Else libvirt asks for each feature of the processor by itself, which takes most of a copy's start.
        capabilities = SubElement(domain, f"{{{_QEMU}}}capabilities")
        SubElement(capabilities, f"{{{_QEMU}}}del", capability="cpu-unavailable-features")
        return tostring(domain, encoding="unicode")

    def _system(self, domain: Element) -> None:
        system = SubElement(domain, "os")
        _text(system, "type", "hvm", arch="x86_64", machine="pc")
        if self.boot:
            _text(system, "kernel", str(self.boot.kernel))
            if self.boot.initrd:
                _text(system, "initrd", str(self.boot.initrd))
            _text(system, "cmdline", self.boot.arguments)
        features = SubElement(domain, "features")
        SubElement(features, "acpi")
        if self.kvm:
            SubElement(domain, "cpu", mode="host-passthrough", migratable="on")
            return
        _text(SubElement(features, "tcg"), "tb-cache", str(_TRANSLATED_MIB), unit="MiB")
        cpu = SubElement(domain, "cpu", mode="maximum")
        # A fifth level of page tables only makes each walk of them longer.
        SubElement(cpu, "feature", policy="disable", name="la57")

    def _confinement(self, domain: Element) -> None:
        """Profiles that libvirt writes for a machine know nothing of its memory file."""
        for model in self.unconfined_by:
            SubElement(domain, "seclabel", type="none", model=model)
        if self.user:
            label = SubElement(domain, "seclabel", type="static", model="dac", relabel="no")
            _text(label, "label", self.user.label())

    def _devices(self, devices: Element) -> None:
        SubElement(devices, "controller", type="usb", model="none")
        SubElement(devices, "memballoon", model="none")
        disk = SubElement(devices, "disk", type="file", device="disk")
        SubElement(disk, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
        SubElement(disk, "source", file=str(self.disk))
        SubElement(disk, "target", dev="vda", bus="virtio")
        if not self.writable:
            SubElement(disk, "readonly")
        random = SubElement(devices, "rng", model="virtio")
        _text(random, "backend", "/dev/urandom", model="random")
        console = SubElement(devices, "serial", type="file")
        SubElement(console, "source", path=str(self.folder / CONSOLE))
        SubElement(devices, "controller", type="virtio-serial", index="0", ports=str(PORTS + 1))
        for number in range(PORTS):
            port = SubElement(devices, "channel", type="unix")
            SubElement(port, "source", mode="bind", path=port_path(self.folder, number))
            SubElement(port, "target", type="virtio", name=f"deskswarm.{number}")

    def _command_line(self, line: Element) -> None:
        """What libvirt has no words for. A machine that boots writes to the memory file; what a copy writes
        goes to pages of its own."""
        share = "on" if self.boot else "off"
        memory = (
            f"memory-backend-file,id=memory,size={self.memory_bytes},mem-path={self.memory},share={share}"
        )
        arguments = [
            "-object",
            memory,
            "-machine",
            "memory-backend=memory,suppress-vmdesc=on",
            *monitor.FORMAT,
        ]
        for argument in arguments + ([] if self.boot else [*monitor.INCOMING]):
            SubElement(line, f"{{{_QEMU}}}arg", value=argument)


def port_path(folder: Path, number: int) -> str:
    return f"{folder}/port-{number}"


def _text(parent: Element, tag: str, text: str | None, **attributes: str) -> None:
    SubElement(parent, tag, attributes).text = text
