"""The initrd of a virtual machine: a busybox, the drivers of the virtual devices, the first program, and the
guest's code as it is on this host, so that one disk serves every version of it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from sandboxes.guest_code import guest_code
from sandboxes.image.cpio import Entry, archive, file, folder, link
from sandboxes.image.kernel import KernelFiles
from sandboxes.namespaces import PRIVATE_FOLDERS

_COMMANDS = ["sh", "cat", "chmod", "cp", "hostname", "insmod", "ip", "ln", "mkdir", "mount", "switch_root"]


def system_part(kernel: KernelFiles) -> bytes:
    """What comes from Debian's packages."""
    return archive(_system_entries(kernel))


def own_part() -> bytes:
    """What comes from this installation: the first program, and the guest, source and compiled."""
    return archive([*_first_entries(), *_guest_entries()])


def _first_entries() -> Iterator[Entry]:
    yield from (folder(name) for name in ("proc", "sys", "dev", "own", "root"))
    yield from (link(f"bin/{name}", "busybox") for name in _COMMANDS)
    yield file("init", files("sandboxes.image").joinpath("init.sh").read_bytes(), executable=True)
    private = "".join(f"{path} {mode}\n" for path, mode in PRIVATE_FOLDERS.items())
    yield file("private", private.encode())


def _system_entries(kernel: KernelFiles) -> Iterator[Entry]:
    yield from (folder(name) for name in ("bin", "modules"))
    yield file("bin/busybox", kernel.busybox.read_bytes(), executable=True)
    yield from (file(f"modules/{module.name}", module.read_bytes()) for module in kernel.modules)
    yield file("modules/order", "".join(f"{module.name}\n" for module in kernel.modules).encode())


def _guest_entries() -> Iterator[Entry]:
    yield from (folder("guest"), folder("guest/__pycache__"))
    yield from (file(f"guest/{name}", content) for name, content in sorted(guest_code().files.items()))
