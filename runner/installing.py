"""Other people's packages in a folder of deskswarm's home, apart from our own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from sandboxes.errors import InfraError

TIMEOUT_S = 1800.0
_STAMP = "complete"


def make_once(folder: Path, wanted: str, make: Callable[[], None]) -> None:
    """Have `folder` filled, unless it was completed from the same: `wanted` says from what."""
    if is_complete(folder, wanted):
        return
    stamp = folder / _STAMP
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(wanted)


def is_complete(folder: Path, wanted: str) -> bool:
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text() == wanted


def run_installer(what: str, *command: str) -> None:
    """Raises InfraError, which says that `what` was not made, and why."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise InfraError(f"{what} was not made within {TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        raise InfraError(f"{what} could not be made: {done.stderr[-2000:].strip()}")
