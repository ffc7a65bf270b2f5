"""What a machine is made of: all that a template depends on, and how libvirt is told of each copy of it."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path

from sandboxes.image.disk import VmDisk
from sandboxes.spec import DesktopSpec, Limits
from sandboxes.vm.arguments import kernel_arguments
from sandboxes.vm.domain import Boot, Machine
from sandboxes.vm.hypervisor import Host, User

_FORMAT = "1"  # another one where what libvirt is told of machines changes
_KEY_CHARACTERS = 24
_BOOT_TTL_SECONDS = 900
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Blueprint:
    """`disk` is on the stage."""

    spec: DesktopSpec
    disk: VmDisk
    processors: int
    kvm: bool
    host: Host

    @property
    def memory_bytes(self) -> int:
        return -(-int(self.spec.limits.memory) // _MIB) * _MIB

    @property
    def boot(self) -> Boot:
        """A template's lifetime is nobody's: each copy's begins when it is adopted."""
        limits = self.spec.limits.model_copy(update={"lifetime_s": Limits().lifetime_s})
        arguments = kernel_arguments(self.spec.model_copy(update={"limits": limits}), _BOOT_TTL_SECONDS)
        return Boot(self.disk.kernel, self.disk.initrd, arguments + self._time())

    def _time(self) -> str:
        """An emulated processor counts time as the real one does. A kernel that measures that itself, while
        others keep the machine from running, may get it wrong by a multiple."""
        return "" if self.kvm or self.host.tsc_khz is None else f" tsc_early_khz={self.host.tsc_khz}"

    @property
    def key(self) -> str:
        parts = [_FORMAT, self.disk.digest, self.disk.initrd.name, self.boot.arguments]
        parts += [str(self.memory_bytes), str(self.processors), *versions(self.host, kvm=self.kvm).values()]
        parts += [json.dumps(program) for program in self.spec.open]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_KEY_CHARACTERS]

    def machine(
        self, name: str, folder: Path, *, memory: Path, disk: Path, user: User | None, boot: Boot | None
    ) -> Machine:
        return Machine(
            name=name,
            folder=folder,
            memory=memory,
            memory_bytes=self.memory_bytes,
            processors=self.processors,
            disk=disk,
            writable=self.spec.root,
            kvm=self.kvm,
            user=user,
            unconfined_by=self.host.security_models,
            boot=boot,
        )


def versions(host: Host, *, kvm: bool) -> dict[str, str]:
    """What a machine's state fits: the same QEMU, and a processor that is the same to programs."""
    return {"qemu": host.qemu_version, "cpu": processor() if kvm else "emulated"}


def processor() -> str:
    """What the kernel calls it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
