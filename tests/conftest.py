"""What tests of real desktops share: a home of their own with the images already built, and a host.

What a machine lacks skips its tests, loudly; with DESKSWARM_TEST_STRICT=1 (`scripts/test`), it fails them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NoReturn
from zlib import crc32

import pytest
from sniffio import current_async_library_cvar

from sandboxes.backend import load_backend
from sandboxes.desktop import Desktop
from sandboxes.errors import BackendUnavailable, ImageNotFound
from sandboxes.home import find_home, images_folder
from sandboxes.host import Host
from sandboxes.image import ImageStore
from sandboxes.spec import DesktopSpec

HERE = Path(__file__).parent
BACKENDS = ["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)]


def lacking(what: str) -> NoReturn:
    """This machine cannot run the test."""
    if os.environ.get("DESKSWARM_TEST_STRICT") == "1":
        pytest.fail(what)
    pytest.skip(what)


async def must_work(backend: str, home: Path) -> None:
    """The test needs this backend."""
    try:
        await load_backend(backend, home).check()
    except BackendUnavailable as error:
        lacking(f"{backend}: {error}")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def outside_of_event_loops() -> Iterator[None]:
    """While a plain test runs, anyio's loop for shared fixtures does not: where sniffio is installed, as with
    the models' packages, it has to be told, or nothing in that test can start a loop of its own."""
    token = current_async_library_cvar.set(None)
    yield
    current_async_library_cvar.reset(token)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home that shares its images with the machine's own.

    Its name is that of every test run before in this folder, so that an engine's outdated copies of images
    are removed, and not that of runs in another, which may go on beside this one.
    """
    folder = tmp_path_factory.mktemp("home")
    (folder / "id").write_text(f"deskswarm-tests-{crc32(str(HERE).encode()):08x}")
    images_folder(folder).symlink_to(images_folder(find_home()).resolve())
    return folder


@pytest.fixture(scope="session")
def needs_image(home: Path) -> Callable[[str], None]:
    """Call it with the name of an image that the test needs."""

    def check(name: str) -> None:
        try:
            ImageStore(images_folder(home)).find(name)
        except ImageNotFound as error:
            lacking(str(error))

    return check


@pytest.fixture(scope="session")
async def host(home: Path) -> AsyncIterator[Host]:
    async with Host(home) as host:
        yield host


@pytest.fixture(scope="module", params=BACKENDS)
async def backend(request: pytest.FixtureRequest, home: Path, needs_image: Callable[[str], None]) -> str:
    """The name of each backend of real desktops, where it works and the small image is there."""
    name: str = request.param
    await must_work(name, home)
    needs_image("slim")
    return name


@pytest.fixture
async def desktop(host: Host, backend: str) -> AsyncIterator[Desktop]:
    """A fresh small desktop."""
    async with await host.start(DesktopSpec(image="slim"), backend=backend, holder="test") as desktop:
        yield desktop
