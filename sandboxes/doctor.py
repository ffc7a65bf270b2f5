"""What works on this machine, found out by trying; and for what does not, why, and the fix."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from sandboxes.backend import Backend, backend_names, load_backend
from sandboxes.errors import BackendUnavailable, DeskswarmError, ImageNotFound
from sandboxes.home import images_folder
from sandboxes.host import Host
from sandboxes.image import ImageStore, recipe_names
from sandboxes.image.build import missing_packages
from sandboxes.spec import DesktopSpec, Limits

START_TIMEOUT_S = 180.0
_BUILD_BYTES = 8 << 30


class Finding(BaseModel):
    """One thing that was examined. `fix` is what to do, where there is something to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    works: bool
    detail: str
    fix: str = ""


async def examine(home: Path) -> list[Finding]:
    """Examine the machine, the images and every backend; starts a real desktop on each backend that can.

    Takes a few seconds for each; minutes, where a virtual machine is booted for the first time. Never raises
    for what it finds.
    """
    home.mkdir(parents=True, exist_ok=True)
    findings = [_disk(home), _memory(), _builder(), *_images(home)]
    async with Host(home) as host:
        for name in backend_names():
            findings += await _backend(host, name)
    return findings


async def _backend(host: Host, name: str) -> list[Finding]:
    """Nothing for a backend that runs nothing real."""
    subject = f"backend {name}"
    try:
        backend = load_backend(name, host.home)
        if not backend.capabilities.real:
            return []
        version = await backend.check()
    except BackendUnavailable as error:
        detail, _, fix = str(error).rpartition(": ")
        return [Finding(subject=subject, works=False, detail=detail, fix=fix)]
    image = _any_image(host.home)
    if image is None:
        return [
            Finding(
                subject=subject,
                works=False,
                detail=f"{version}; not tried, as no image is built",
                fix="run `deskswarm image build slim`",
            )
        ]
    return [await _trial(host, backend, image, version)]


async def _trial(host: Host, backend: Backend, image: str, version: str) -> Finding:
    """Start a desktop, look at it, run a command in it, end it."""
    subject = f"backend {backend.name}"
    began = time.monotonic()
    try:
        async with await host.start(
            DesktopSpec(image=image), backend=backend.name, holder="doctor", timeout=START_TIMEOUT_S
        ) as desktop:
            ready = time.monotonic() - began
            screenshot = await desktop.screenshot()
            result = await desktop.exec(["true"])
        version = await backend.check()  # it may know more, now that it has run one
    except DeskswarmError as error:
        return Finding(
            subject=subject,
            works=False,
            detail=f"{version}; a desktop of image {image!r} failed: {error}",
            fix=f"read the end of the desktop's log above; rebuild with `deskswarm image build {image}`",
        )
    works = result.exit_code == 0 and len(screenshot.png) > 0
    limits = "" if backend.capabilities.hard_limits else "; limits are the guest's, not the kernel's"
    return Finding(
        subject=subject, works=works, detail=f"{version}; desktop of {image!r} ready in {ready:.1f} s{limits}"
    )


def _any_image(home: Path) -> str | None:
    """An image that is built, the quickest to start first."""
    store = ImageStore(images_folder(home))
    for name in sorted(recipe_names(), key=lambda name: name != "slim"):
        try:
            return store.find(name).name
        except ImageNotFound:
            continue
    return None


def _images(home: Path) -> Iterator[Finding]:
    store = ImageStore(images_folder(home))
    for name in recipe_names():
        subject = f"image {name}"
        try:
            image = store.find(name)
        except ImageNotFound as error:
            detail, _, fix = str(error).partition(": ")
            yield Finding(subject=subject, works=False, detail=detail, fix=fix)
        else:
            detail = f"built {image.built_at:%Y-%m-%d %H:%M}, {image.size_bytes / 1e9:.1f} GB"
            yield Finding(subject=subject, works=True, detail=detail)


def _builder() -> Finding:
    packages = " ".join(missing_packages())
    return Finding(
        subject="image builder",
        works=not packages,
        detail=f"not installed: {packages}" if packages else "mmdebstrap and what it needs are installed",
        fix=f"run `apt-get install {packages}`" if packages else "",
    )


def _disk(home: Path) -> Finding:
    free = shutil.disk_usage(home).free
    works = free >= _BUILD_BYTES
    return Finding(
        subject="disk",
        works=works,
        detail=f"{free / 1e9:.0f} GB free under {home}",
        fix="" if works else f"free {_BUILD_BYTES / 1e9:.0f} GB, or set DESKSWARM_HOME to a larger disk",
    )


def _memory() -> Finding:
    available = _available_memory()
    needed = int(Limits().memory)
    works = available >= needed
    return Finding(
        subject="memory",
        works=works,
        detail=f"{available / 1e9:.1f} GB available, {os.cpu_count()} processors",
        fix="" if works else f"a desktop may use {needed / 1e9:.1f} GB: set a lower `limits.memory`",
    )


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, size = line.partition(":")
        if name == "MemAvailable":
            return int(size.split()[0]) << 10
    return 0
