"""An environment of its own for OSWorld's client and evaluators, apart from ours.

Whole, `desktop-env` asks for 261 packages and 6.6 GB. What only reads text in pictures, compares sounds or
needs an account is left out; a module stands in for each, and says what to install where a task does use it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from runner.osworld import provider
from sandboxes.errors import InfraError

TIMEOUT_S = 1800.0
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PROVIDER = "deskswarm_osworld"
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
    folder = home / "osworld"
    stamp, wanted = folder / "complete", _digest()
    python = folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(REQUIREMENTS))
        _add_our_own(_site_packages(folder))
        stamp.write_text(wanted)
    return python


def _digest() -> str:
    """Of all that the environment is made from."""
    parts = [REQUIREMENTS.read_bytes(), Path(provider.__file__).read_bytes(), _STAND_IN.encode()]
    return hashlib.sha256(b"\0".join([*parts, sys.version.encode()])).hexdigest()


def _add_our_own(folder: Path) -> None:
    shutil.copyfile(provider.__file__, folder / f"{PROVIDER}.py")
    for package, files in _STAND_INS.items():
        for name in files:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(_STAND_IN.format(package=package))


def _site_packages(folder: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return folder / "lib" / version / "site-packages"


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise InfraError(f"OSWorld's environment was not made within {TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        raise InfraError(f"OSWorld's environment could not be made: {done.stderr[-2000:].strip()}")
