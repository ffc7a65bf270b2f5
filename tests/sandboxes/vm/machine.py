"""A virtual machine started by hand: QEMU with what any backend would give it, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteStream, Process

from sandboxes.deadline import Pace
from sandboxes.image.disk import VmDisk
from sandboxes.spec import DesktopSpec
from sandboxes.vm.arguments import kernel_arguments
from sandboxes.vm.port import open_port

BOOT_S = 300
PORTS = 4


@dataclass(frozen=True, slots=True)
class Machine:
    folder: Path
    process: Process

    async def ready(self) -> None:
        """Wait until the desktop stands."""
        pace = Pace()
        with anyio.fail_after(BOOT_S):
            while "] ready\n" not in self.console():
                await pace.wait()

    async def open(self, port: int) -> ByteStream:
        """A new connection."""
        with anyio.fail_after(BOOT_S):
            return await open_port(str(self.folder / f"port.{port}"))

    async def wait(self) -> None:
        """Until the machine has switched itself off."""
        with anyio.fail_after(BOOT_S):
            await self.process.wait()

    def console(self) -> str:
        log = self.folder / "console.log"
        return log.read_text(errors="replace").replace("\r", "") if log.exists() else ""


@asynccontextmanager
async def machine(disk: VmDisk, spec: DesktopSpec, folder: Path) -> AsyncIterator[Machine]:
    process = await anyio.open_process(
        _command(disk, spec, folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=None
    )
    async with process:
        try:
            yield Machine(folder, process)
        finally:
            if process.returncode is None:
                process.kill()


def _command(disk: VmDisk, spec: DesktopSpec, folder: Path) -> list[str]:
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    command += ["-machine", "pc", "-accel", "tcg,thread=multi,tb-size=64", "-cpu", "qemu64", "-smp", "2"]
    command += ["-m", str(int(spec.limits.memory) >> 20), "-kernel", str(disk.kernel)]
    command += ["-initrd", str(disk.initrd), "-append", kernel_arguments(spec, boot_ttl_s=BOOT_S)]
    written = "snapshot=on" if spec.root else "readonly=on"
    command += ["-drive", f"file={disk.disk},if=none,id=disk,format=qcow2,{written}"]
    command += ["-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci"]
    command += ["-serial", f"file:{folder}/console.log", "-device", "virtio-serial-pci"]
    for port in range(PORTS):
        command += ["-chardev", f"socket,id=port{port},path={folder}/port.{port},server=on,wait=off"]
        command += ["-device", f"virtserialport,chardev=port{port},name=deskswarm.{port}"]
    return command
