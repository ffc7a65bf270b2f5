"""`deskswarm bench setup`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from runner.miniwob import package as miniwob
from runner.osworld import environment as osworld
from sandboxes.errors import InputError
from sandboxes.home import find_home

SUITES: dict[str, Callable[[Path], Path]] = {
    "osworld": osworld.set_up,
    "miniwob": lambda home: miniwob.set_up(home).folder,
}


def set_up_suite(suite: str) -> None:
    """Prints the Python of the environment, or the folder of the pages. Raises InputError, InfraError."""
    if suite not in SUITES:
        raise InputError(f"SUITE: {suite!r} needs no environment of its own; known: {', '.join(SUITES)}")
    print(f"making the environment of {suite}, unless it is there", file=sys.stderr)
    print(SUITES[suite](find_home()))
