"""The kernel that virtual machines boot, and the modules and the shell that its initrd needs: Debian's own
packages, unpacked, not installed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio

from sandboxes.errors import ImageBuildError
from sandboxes.image.process import run_logged

_DEBIAN_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "virtio-rng")
_WANTED = ("*/boot/vmlinuz-*", "*/bin/busybox", "*.ko")
_UNWANTED = ("*/kernel/drivers/net/*", "*/kernel/fs/*", "*/kernel/net/*")


@dataclass(frozen=True, slots=True)
class KernelFiles:
    """Unpacked: the kernel's image, a static busybox, and the modules in the order in which they load."""

    kernel: Path
    busybox: Path
    modules: tuple[Path, ...]


async def fetch_kernel(suite: str, machine: str, folder: Path) -> KernelFiles:
    """Fetch the suite's kernel for a machine (`x86_64`) into an empty folder. Raises ImageBuildError."""
    if machine not in _DEBIAN_MACHINES:
        raise ImageBuildError(f"no kernel for {machine} machines: virtual machines need x86_64 or aarch64")
    packages = f"linux-image-cloud-{_DEBIAN_MACHINES[machine]},busybox-static"
    fetch = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={packages}", suite, "-"]
    unpack = ["tar", "--extract", f"--directory={folder}", "--no-same-owner", "--wildcards"]
    unpack += [f"--exclude={pattern}" for pattern in _UNWANTED] + list(_WANTED)
    await run_logged(["bash", "-c", f"set -o pipefail; {shlex.join(fetch)} | {shlex.join(unpack)}"])
    return await anyio.to_thread.run_sync(_find_files, folder)


def _find_files(folder: Path) -> KernelFiles:
    modules = {_name(path): path for path in folder.rglob("*.ko")}
    return KernelFiles(
        kernel=_only(folder.glob("boot/vmlinuz-*")),
        busybox=_only(folder.rglob("busybox")),
        modules=tuple(
            dict.fromkeys(path for name in _MODULES for path in _with_needed(_name_of(name), modules))
        ),
    )


def _with_needed(name: str, modules: dict[str, Path]) -> Iterator[Path]:
    """A module after those that it needs; nothing where it is part of the kernel itself."""
    if name not in modules:
        return
    needed = re.search(rb"\0depends=([^\0]*)\0", b"\0" + modules[name].read_bytes())
    for other in needed[1].decode().split(",") if needed else ():
        yield from _with_needed(_name_of(other), modules)
    yield modules[name]


def _name(path: Path) -> str:
    return _name_of(path.stem)


def _name_of(module: str) -> str:
    return module.replace("-", "_")


def _only(paths: Iterable[Path]) -> Path:
    found = [path for path in paths if path.is_file()]
    if len(found) != 1:
        raise ImageBuildError(f"the kernel's packages hold {len(found)} of what there should be one: {found}")
    return found[0]
