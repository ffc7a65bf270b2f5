"""Evidence that is a folder of this machine; one event loop for all, so that judging processes are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from anyio import fail_after, run_process

from runner.checks.evidence import Ran
from sandboxes.errors import DeadlineExceeded, FileError
from sandboxes.guest.protocol import Window
from sandboxes.observation import UiTree


@dataclass
class FolderEvidence:
    """The files of a folder, `~` being that folder; commands run on this machine."""

    folder: Path
    shown: UiTree = field(default_factory=lambda: UiTree((), {}))
    opened: tuple[Window, ...] = ()

    def write(self, name: str, content: bytes | str) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        (self.folder / name).write_bytes(data)

    async def read(self, path: str, max_bytes: int) -> bytes | None:
        file = self.folder / path.removeprefix("~/")
        if not file.exists():
            return None
        if not file.is_file() or file.stat().st_size > max_bytes:
            raise FileError(f"{path}: not a file of at most {max_bytes} bytes")
        return file.read_bytes()

    async def run(self, argv: Sequence[str], timeout: float) -> Ran:
        try:
            with fail_after(timeout):
                ended = await run_process(argv, check=False, cwd=self.folder)
        except TimeoutError:
            raise DeadlineExceeded(f"{argv[0]} did not end in {timeout:g} s") from None
        return Ran(ended.returncode, ended.stdout)

    async def tree(self) -> UiTree:
        return self.shown

    async def windows(self) -> Sequence[Window]:
        return self.opened


@pytest.fixture(scope="session")
async def one_loop(anyio_backend: str) -> AsyncIterator[asyncio.AbstractEventLoop]:
    yield asyncio.get_running_loop()  # noqa: PT022 (a fixture that is under way keeps its loop)


@pytest.fixture
def evidence(tmp_path: Path, one_loop: asyncio.AbstractEventLoop) -> FolderEvidence:
    return FolderEvidence(tmp_path)
