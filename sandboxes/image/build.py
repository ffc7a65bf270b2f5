"""Build an image from its recipe with mmdebstrap: as root or a plain user, without a container registry."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
from pydantic import BaseModel, ConfigDict

from sandboxes.errors import DeadlineExceeded, ImageBuildError
from sandboxes.filelock import only_one
from sandboxes.image.overlay import make_overlay
from sandboxes.image.process import run_logged
from sandboxes.image.recipe import Recipe
from sandboxes.image.store import Image, ImageStore

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# Where a build is, by the line mmdebstrap writes on getting there, and how much of the time is behind it.
_STAGES = (
    ("running apt-get update", "reading package lists", 0.06),
    ("downloading packages", "downloading packages", 0.10),
    ("extracting archives", "unpacking the base system", 0.22),
    ("installing essential packages", "installing the base system", 0.25),
    ("installing remaining packages", "installing packages", 0.35),
    ("running --customize-hook", "configuring", 0.80),
    ("cleaning package lists", "cleaning up", 0.85),
    ("creating tarball", "packing and unpacking", 0.87),
)


class BuildProgress(BaseModel):
    """How far a build is: what it does now, and the fraction of its usual time that is behind it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    fraction: float


OnProgress = Callable[[BuildProgress], None]


async def build_image(
    name: str, store: ImageStore, on_progress: OnProgress, timeout: float = 1800.0
) -> Image:
    """The image of the current recipe, built now unless it already is.

    One build of a name runs at a time, in whatever process; a second one waits and takes the result.
    Raises ImageNotFound (no such recipe), ImageBuildError, DeadlineExceeded (after `timeout` seconds).
    """
    recipe = store.recipe(name)
    try:
        with anyio.fail_after(timeout):
            async with only_one(store.root / f".{name}.lock"):
                return store.built(recipe) or await _build(recipe, store, on_progress)
    except TimeoutError as error:
        raise DeadlineExceeded(f"image {name!r} was not built within {timeout:.0f} s") from error


async def _build(recipe: Recipe, store: ImageStore, on_progress: OnProgress) -> Image:
    _require_tools()
    store.sweep(recipe.name)
    with store.scratch(recipe.name) as scratch:
        built = scratch / "built"
        built.mkdir()
        on_progress(BuildProgress(stage="fetching Python packages", fraction=0.0))
        overlay = await make_overlay(recipe, scratch)
        await _debstrap(recipe, overlay, built, on_progress)
        on_progress(BuildProgress(stage="writing to disk", fraction=0.94))
        await anyio.to_thread.run_sync(os.sync)
        image = store.add(recipe, built)
    on_progress(BuildProgress(stage="built", fraction=1.0))
    return image


async def _debstrap(recipe: Recipe, overlay: Path, built: Path, on_progress: OnProgress) -> None:
    """Fill `built` with `rootfs.tar` and, from the same stream, `rootfs/`.

    The folder is for use as it is: owned by this user, no device nodes, no set-user-id files.
    """

    def tell(line: str) -> None:
        for marker, stage, fraction in _STAGES:
            if line.startswith(f"I: {marker}"):
                on_progress(BuildProgress(stage=stage, fraction=fraction))

    (built / "rootfs").mkdir()
    unpack = ["tar", "--extract", f"--directory={built / 'rootfs'}", "--exclude=./dev/*"]
    unpack += ["--no-same-owner", "--no-same-permissions", "--delay-directory-restore"]
    pipeline = [_mmdebstrap(recipe, overlay), ["tee", str(built / "rootfs.tar")], unpack]
    script = f"umask 022; set -o pipefail; {' | '.join(shlex.join(command) for command in pipeline)}"
    await run_logged(["bash", "-c", script], tell)


def _mmdebstrap(recipe: Recipe, overlay: Path) -> list[str]:
    """The command that writes the image's tar to its output."""
    scratch = overlay.parent
    dpkg_config = scratch / "dpkg.cfg"
    dpkg_config.write_text(recipe.dpkg_config)
    command = ["mmdebstrap", "--variant=minbase", '--aptopt=Acquire::Languages "none"']
    # Not --dpkgopt: with path-excludes there, mmdebstrap filters the base system, slowly.
    command += [f"--essential-hook=upload {shlex.quote(str(dpkg_config))} /etc/dpkg/dpkg.cfg.d/deskswarm"]
    command += [f"--include={','.join(recipe.packages)}"] if recipe.packages else []
    command += [f"--customize-hook=tar-in {shlex.quote(str(overlay))} /"]
    for number, hook in enumerate(recipe.hooks):
        script = scratch / f"hook-{number}"
        script.write_text(hook)
        command += [
            f"--customize-hook=upload {shlex.quote(str(script))} /hook",
            '--customize-hook=chroot "$1" sh /hook && rm "$1"/hook',
        ]
    return [*command, recipe.suite, "-"]


def missing_packages() -> list[str]:
    """The Debian packages that this machine lacks for building an image."""
    missing = [tool for tool in ("mmdebstrap", "bash", "tar") if shutil.which(tool) is None]
    if os.geteuid() != 0 and shutil.which("newuidmap") is None:
        missing.append("uidmap")
    if not _KEYRING.exists():
        missing.append("debian-archive-keyring")
    return missing


def _require_tools() -> None:
    if packages := " ".join(missing_packages()):
        raise ImageBuildError(f"building an image needs {packages}: run `apt-get install {packages}`")
