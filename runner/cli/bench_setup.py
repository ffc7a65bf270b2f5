"""`deskswarm bench setup`."""

from __future__ import annotations

import sys

from runner.osworld.environment import set_up
from sandboxes.errors import InputError
from sandboxes.home import find_home

SUITES = {"osworld": set_up}


def set_up_suite(suite: str) -> None:
    """Prints the Python of the environment. Raises InputError, InfraError."""
    if suite not in SUITES:
        raise InputError(f"SUITE: {suite!r} needs no environment of its own; known: {', '.join(SUITES)}")
    print(f"making the environment of {suite}, unless it is there", file=sys.stderr)
    print(SUITES[suite](find_home()))
