"""What a recipe lays over the packages: its files and its Python packages, as one tar owned by root."""

from __future__ import annotations

import sys
import tarfile
from io import BytesIO
from pathlib import Path

from sandboxes.errors import ImageBuildError
from sandboxes.image.process import run_logged
from sandboxes.image.recipe import ImageFile, PythonPackages, Recipe

# Debian 12: CPython 3.11 and glibc 2.36. Newest tag first.
_IMAGE_PYTHON = "3.11"
_WHEEL_GLIBCS = ("2_36", "2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17")


async def make_overlay(recipe: Recipe, scratch: Path) -> Path:
    """Fetch the Python packages and write the overlay's tar under `scratch`; return the tar's path.

    Raises ImageBuildError if a package cannot be fetched.
    """
    path = scratch / "overlay.tar"
    with tarfile.open(path, "w") as tar:
        for file in recipe.files:
            _add_file(tar, file)
        for number, packages in enumerate(recipe.python):
            folder = scratch / f"python-{number}"
            await _install(packages, recipe.architecture, folder)
            tar.add(folder, arcname=packages.target.lstrip("/"), filter=_as_root)
    return path


async def _install(packages: PythonPackages, architecture: str, folder: Path) -> None:
    folder.mkdir()
    requirements = folder.with_suffix(".txt")
    requirements.write_text(packages.requirements)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"]
    command += ["--target", str(folder), "--requirement", str(requirements)]
    if packages.compiled:
        command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={_IMAGE_PYTHON}"]
        command += [f"--platform=manylinux_{glibc}_{architecture}" for glibc in _WHEEL_GLIBCS]
    await run_logged(command)
    if not any(folder.iterdir()):
        raise ImageBuildError(f"pip installed nothing for {packages.target}")


def _add_file(tar: tarfile.TarFile, file: ImageFile) -> None:
    info = tarfile.TarInfo(file.path)
    info.size = len(file.data)
    info.mode = file.mode
    tar.addfile(info, BytesIO(file.data))


def _as_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    return info
