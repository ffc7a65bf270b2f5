"""What only an engine can get wrong: its images, and where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import docker
import pytest
from anyio.abc import ByteStream, SocketAttribute
from docker.constants import DEFAULT_UNIX_SOCKET

from sandboxes import docker_exec
from sandboxes.backend import load_backend
from sandboxes.conformance.subject import eventually
from sandboxes.connection import Connection
from sandboxes.docker_engine import DockerBackend
from sandboxes.docker_image import HOME_LABEL, guest_image, remove_old_images
from sandboxes.errors import BackendBusy, BackendUnavailable
from sandboxes.home import images_folder
from sandboxes.host import Host
from sandboxes.image import ImageStore
from sandboxes.lease import Lease
from sandboxes.owner import Owner
from sandboxes.reaper import reap
from sandboxes.spec import DesktopSpec, new_desktop_id
from sandboxes.unixsocket import connect_unix
from tests.conftest import lacking

pytestmark = [pytest.mark.anyio, pytest.mark.docker]

SOCKET = DEFAULT_UNIX_SOCKET.removeprefix("http+unix://")


@pytest.fixture(autouse=True)
async def engine(home: Path, needs_image: Callable[[str], None]) -> None:
    try:
        await load_backend("docker", home).check()
    except BackendUnavailable as error:
        lacking(str(error))
    needs_image("slim")


@pytest.fixture
async def tcp_port() -> AsyncIterator[int]:
    """A TCP port that leads to the engine."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, relay)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def relay(client: ByteStream) -> None:
    async with client, await connect_unix(SOCKET) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(copy, client, server)
        await copy(server, client)
        tasks.cancel_scope.cancel()


async def copy(source: ByteStream, target: ByteStream) -> None:
    try:
        async for data in source:
            await target.send(data)
        await target.send_eof()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        return


async def test_an_engine_behind_tcp_works(home: Path, tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{tcp_port}")
    async with (
        Host(home) as host,
        await host.start(DesktopSpec(image="slim"), backend="docker", holder="test") as desktop,
    ):
        result = await desktop.exec(["head", "-c", "1000000", "/dev/urandom"])
        assert len(result.stdout) == 1_000_000
        assert len((await desktop.screenshot()).png) > 100


async def test_an_address_that_is_not_supported_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://user@host.invalid")
    with pytest.raises(BackendUnavailable, match="DOCKER_HOST"):
        await load_backend("docker", home).check()


async def test_an_engine_that_hangs_is_busy_and_holds_up_no_other_backend(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_exec, "REQUEST_SECONDS", 1)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/silent")
    async with await anyio.create_unix_listener(tmp_path / "silent"):  # connections wait, unanswered
        with pytest.raises(BackendBusy, match="does not answer"):
            await DockerBackend(home).check()
        assert "docker" in (await reap(home)).busy
        async with Host(home) as host, await host.start(DesktopSpec(image="slim"), holder="test") as desktop:
            assert desktop.size.width == 1920


async def test_only_images_of_this_home_that_it_no_longer_has_are_removed(home: Path) -> None:
    client = docker.from_env()
    try:
        stale = {}
        for name in ("this-home", "another-home"):
            made = client.api.import_image_from_data(
                b"\0" * 10240, repository="deskswarm/test", tag=name, changes=[f"LABEL {HOME_LABEL}={name}"]
            )
            assert "sha256" in made
            stale[name] = f"deskswarm/test:{name}"
        remove_old_images(client, "this-home", ImageStore(images_folder(home)).ls())
        tags = {tag for image in client.images.list() for tag in image.tags}
        assert stale["this-home"] not in tags
        assert stale["another-home"] in tags
        client.images.remove(stale["another-home"])
    finally:
        client.close()


async def test_the_guests_code_names_the_image(home: Path) -> None:
    image = ImageStore(images_folder(home)).find("slim")
    base, _, guest = guest_image(image).rpartition("-")
    assert base == f"deskswarm/slim:{image.key[:12]}"
    assert len(guest) == 12


async def test_a_container_needs_nobody_to_remove_it(home: Path) -> None:
    """Its holder may be dead, and the reaper too."""
    backend, spec = load_backend("docker", home), DesktopSpec(image="slim")
    lease = Lease(new_desktop_id(), "test", ttl_s=2)
    await backend.prepare(spec)
    await backend.create(lease.desktop_id, spec, Owner.current(), {})
    try:
        async with Connection(await backend.connect(lease.desktop_id), lease):
            pass

        async def gone() -> bool:
            return lease.desktop_id not in {record.id for record in await backend.desktops()}

        await eventually("the end of a container without a holder", gone)
    finally:
        await backend.stop(lease.desktop_id)
