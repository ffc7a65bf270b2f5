"""The initrd of a virtual machine: a busybox, the drivers of the virtual devices, the first program, and the
guest's code as it is on this host, so that one disk serves every version of it."""

from __future__ import annotations

import importlib.util
import marshal
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from sandboxes.image.cpio import Entry, archive, file, folder, link
from sandboxes.image.kernel import KernelFiles
from sandboxes.namespaces import PRIVATE_FOLDERS, guest_folder

_COMMANDS = ["sh", "cat", "chmod", "cp", "hostname", "insmod", "ip", "ln", "mkdir", "mount", "switch_root"]


def system_part(kernel: KernelFiles) -> bytes:
    """What comes from Debian's packages."""
    return archive(_system_entries(kernel))


def own_part() -> bytes:
    """What comes from this installation: the first program, and the guest, source and compiled."""
    return archive([*_first_entries(), *_guest_entries(guest_folder())])


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


def _guest_entries(guest: Path) -> Iterator[Entry]:
    yield from (folder("guest"), folder("guest/__pycache__"))
    for source in sorted(guest.glob("*.py")):
        yield file(f"guest/{source.name}", source.read_bytes())
        yield file(f"guest/{_compiled_name(source)}", _compiled(source))


def _compiled_name(source: Path) -> str:
    return f"__pycache__/{Path(importlib.util.cache_from_source(source.name)).name}"


def _compiled(source: Path) -> bytes:
    """As Python keeps it, marked as not to be compared with its source."""
    code = compile(
        source.read_bytes(), f"/opt/deskswarm/guest/deskswarm_guest/{source.name}", "exec", dont_inherit=True
    )
    return (
        importlib.util.MAGIC_NUMBER
        + (1).to_bytes(4, "little")
        + importlib.util.source_hash(source.read_bytes())
        + marshal.dumps(code)
    )
