"""An environment of its own for OSWorld's client and evaluators, apart from ours.

Whole, `desktop-env` asks for 261 packages and 6.6 GB. What only reads text in pictures, compares sounds or
needs an account is left out; a module stands in for each, and says what to install where a task does use it.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from runner.installing import is_complete, make_once, run_installer
from runner.osworld import phases, provider
from sandboxes.errors import BackendUnavailable

FOLDER, PYTHON = "osworld", Path("bin", "python")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PROVIDER = "deskswarm_osworld"
PHASES = "deskswarm_osworld_phases"
_OUR_OWN = {PROVIDER: Path(provider.__file__), PHASES: Path(phases.__file__)}
_WHAT = "OSWorld's environment"
_STAND_INS = {
    "easyocr": ("easyocr.py",),
    "librosa": ("librosa.py",),
    "pydrive": ("pydrive/__init__.py", "pydrive/auth.py", "pydrive/drive.py"),
}
_STAND_IN = '''"""Stands in for {package}, which deskswarm leaves out."""


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    class Missing:
        def __init__(self, *_, **__):
            raise ImportError("this task needs {package}, which is not installed: pip install {package}")

    return Missing
'''


def set_up(home: Path) -> Path:
    """The Python of OSWorld's environment in deskswarm's home, made if need be. Raises InfraError."""
    folder = home / FOLDER
    make_once(folder, _digest(), lambda: install(folder))
    _add_our_own(_site_packages(folder))
    return folder / PYTHON


def find_python(home: Path) -> Path:
    """The Python of OSWorld's environment, made by this version of deskswarm. Raises BackendUnavailable."""
    folder = home / FOLDER
    if not is_complete(folder, _digest()) or not _has_our_own(_site_packages(folder)):
        raise BackendUnavailable("OSWorld's environment is not there: run `deskswarm bench setup osworld`")
    return folder / PYTHON


def install(folder: Path) -> None:
    """The packages, and a Python for them. Raises InfraError."""
    python = str(folder / PYTHON)
    run_installer(_WHAT, sys.executable, "-m", "venv", "--clear", str(folder))
    run_installer(
        _WHAT, python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(REQUIREMENTS)
    )


def _digest() -> str:
    """Of all that the packages are chosen by."""
    return hashlib.sha256(b"\0".join([REQUIREMENTS.read_bytes(), sys.version.encode()])).hexdigest()


def _has_our_own(folder: Path) -> bool:
    copies = ((path, folder / f"{name}.py") for name, path in _OUR_OWN.items())
    return all(copy.is_file() and copy.read_bytes() == path.read_bytes() for path, copy in copies)


def _add_our_own(folder: Path) -> None:
    for name, path in _OUR_OWN.items():
        shutil.copyfile(path, folder / f"{name}.py")
    for package, files in _STAND_INS.items():
        for name in files:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(_STAND_IN.format(package=package))


def _site_packages(folder: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return folder / "lib" / version / "site-packages"
