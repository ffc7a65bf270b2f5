"""What checks may look at: a task's desktop after its agent is done, still alive, or what was kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from sandboxes.guest.protocol import Window
from sandboxes.observation import UiTree


class Ran(NamedTuple):
    """How a command ended."""

    exit_code: int
    stdout: bytes


class Evidence(Protocol):
    """The desktop a check rules on. Its methods raise GuestError (the desktop could not) and InfraError."""

    @property
    def folder(self) -> Path:
        """The folder of the swarm file."""
        ...

    async def read(self, path: str, max_bytes: int) -> bytes | None:
        """A file's content; None where there is no such file. Raises FileError where it is larger."""
        ...

    async def run(self, argv: Sequence[str], timeout: float) -> Ran:
        """Run a program to its end. Raises DeadlineExceeded where that takes over `timeout` seconds."""
        ...

    async def tree(self) -> UiTree:
        """The accessible objects on the screen."""
        ...

    async def windows(self) -> Sequence[Window]:
        """The top-level windows."""
        ...
