"""Desktops in containers, through the Docker SDK; the engine may be on another machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anyio
import docker
import requests
from anyio.abc import ByteStream
from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import LogConfig

from sandboxes.backend import DesktopRecord
from sandboxes.docker_image import HOME_LABEL, add_image, guest_image, has_image, remove_old_images
from sandboxes.docker_log import LogTail
from sandboxes.docker_stream import connect_to_engine, start_exec
from sandboxes.errors import BackendBusy, BackendUnavailable, DesktopLost, DesktopStartError
from sandboxes.filelock import only_one
from sandboxes.home import home_id, images_folder, run_folder
from sandboxes.image import ImageStore
from sandboxes.namespaces import PRIVATE_FOLDERS, guest_environment
from sandboxes.owner import Owner
from sandboxes.process import LOG_BYTES
from sandboxes.spec import Capabilities, DesktopSpec

_USER = 1000
_HOSTNAME = "desktop"
_IMPORT_SECONDS = 900
_REQUESTS_AT_ONCE = 4
_STOP_SECONDS = 15
_LOG_LINES = 1000
_SHARED_MEMORY = "/dev/shm"  # the engine's own option
_FIX = "start one (`scripts/engine start`, or your system's service), or set DOCKER_HOST"
_GUEST = ["python3", "-m", "deskswarm_guest"]
_IMAGE_LABEL = "deskswarm.image"
_OWNER_LABEL = "deskswarm.owner"
_STARTED_LABEL = "deskswarm.started"
_CALLER_LABEL = "deskswarm.label."
_ENGINE_LOG = LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m", "max-file": "1"})

T = TypeVar("T")


class DockerBackend:
    """Containers with a read-only image, private folders in memory, no capabilities and no network.

    With `root`, the image is writable, the default capabilities are there and `sudo` works.
    """

    name: ClassVar[str] = "docker"
    capabilities: ClassVar[Capabilities] = Capabilities(root=True)
    # A busy engine answers late; one that hangs never does, and must not hold up other backends for long.
    request_seconds: ClassVar[int] = 30

    def __init__(self, home: Path) -> None:
        self._home = home
        self._images = ImageStore(images_folder(home))
        self._logs: dict[str, LogTail] = {}
        # An engine was seen to hang for good while it started and removed dozens at once.
        self._turns = anyio.CapacityLimiter(_REQUESTS_AT_ONCE)

    async def check(self) -> str:
        def version(client: DockerClient) -> str:
            return f"Docker engine {client.version()['Version']}"

        return await self._ask(version)

    async def prepare(self, image: str) -> None:
        """See to it that the engine has the image, with the present guest in it."""
        found = self._images.find(image)

        def is_there(client: DockerClient) -> bool:
            return has_image(client, guest_image(found))

        if await self._ask(is_there):
            return
        async with only_one(run_folder(self._home, self.name) / "images.lock"):
            if not await self._ask(is_there):
                await self._ask(
                    lambda client: add_image(client, found, home_id(self._home)), timeout=_IMPORT_SECONDS
                )

    async def create(self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        image = self._images.find(spec.image)
        options = _options(spec) | {"name": desktop_id, "labels": self._labels(spec, owner, labels)}

        def run(client: DockerClient) -> None:
            try:
                client.containers.create(guest_image(image), _GUEST, **options).start()
            except APIError as error:
                raise DesktopStartError(f"desktop {desktop_id} did not start: {error.explanation}") from error

        try:
            await self._ask(run)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.stop(desktop_id)
            raise
        self._logs[desktop_id] = LogTail(desktop_id)

    async def connect(self, desktop_id: str) -> ByteStream:
        def make_exec(client: DockerClient) -> str:
            command = [*_GUEST, "connect"]
            try:
                made = client.api.exec_create(desktop_id, command, stdin=True, user=str(_USER))
            except APIError as error:
                raise DesktopLost(f"desktop {desktop_id} is gone: {error.explanation}") from error
            return str(made["Id"])

        try:
            return await start_exec(await self._ask(make_exec))
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
            raise DesktopLost(f"desktop {desktop_id} is gone: {error}") from error

    async def stop(self, desktop_id: str) -> None:
        def remove(client: DockerClient) -> None:
            try:
                container = client.containers.get(desktop_id)
                container.remove(force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != 409:  # 409: it is being removed already
                    raise
                with suppress(NotFound):
                    container.wait(condition="removed", timeout=_STOP_SECONDS)

        await self._ask(remove)
        self._logs.pop(desktop_id, None)

    async def desktops(self) -> list[DesktopRecord]:
        home = await anyio.to_thread.run_sync(home_id, self._home)

        def find(client: DockerClient) -> list[DesktopRecord]:
            filters: dict[str, str | list[str] | bool] = {"label": [f"{HOME_LABEL}={home}", _OWNER_LABEL]}
            found = client.containers.list(all=True, filters=filters, ignore_removed=True)
            return [_record(container) for container in found]

        return await self._ask(find)

    async def log(self, desktop_id: str) -> str:
        def read(client: DockerClient) -> str:
            if desktop_id in self._logs:
                return self._logs[desktop_id].text()
            try:
                text: bytes = client.api.logs(desktop_id, tail=_LOG_LINES)
            except NotFound:
                return ""
            return text[-LOG_BYTES:].decode(errors="replace")

        return await self._ask(read)

    async def reap(self) -> list[str]:
        """Also the copies of images that this home no longer has."""
        dead = [desktop.id for desktop in await self.desktops() if not desktop.owner.is_alive()]
        for desktop_id in dead:
            await self.stop(desktop_id)
        await self._ask(lambda client: remove_old_images(client, home_id(self._home), self._images.ls()))
        return dead

    async def _ask(self, question: Callable[[DockerClient], T], timeout: int | None = None) -> T:
        """Ask the engine, in a thread; each request has `timeout` seconds, `request_seconds` by default.

        Raises BackendUnavailable where the engine cannot be reached, or refuses, and BackendBusy where it
        does not answer in time.
        """
        try:
            async with await connect_to_engine():
                pass
        except OSError as error:
            raise BackendUnavailable(f"no Docker engine answers ({error}): {_FIX}") from error

        def ask() -> T:
            try:
                with closing(docker.from_env(timeout=timeout or self.request_seconds)) as client:
                    return question(client)
            except (requests.RequestException, DockerException) as error:
                raise _trouble(error) from error

        return await anyio.to_thread.run_sync(ask, limiter=self._turns)

    def _labels(self, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> dict[str, str]:
        return {
            HOME_LABEL: home_id(self._home),
            _IMAGE_LABEL: spec.image,
            _OWNER_LABEL: str(owner),
            _STARTED_LABEL: str(time.time()),
        } | {_CALLER_LABEL + name: value for name, value in labels.items()}


def _trouble(error: Exception) -> BackendUnavailable:
    """What a failed request means. The SDK wraps what happens to its own first request, for the version."""
    if isinstance(error, requests.Timeout) or isinstance(error.__cause__, requests.Timeout):
        return BackendBusy(f"the Docker engine does not answer ({error}): see its own log")
    if isinstance(error, requests.RequestException):
        return BackendUnavailable(f"the Docker engine does not answer ({error}): {_FIX}")
    return BackendUnavailable(f"the Docker engine refused ({error}): see its own log")


def _options(spec: DesktopSpec) -> dict[str, Any]:
    """How the container is made; see `DockerClient.containers.create`."""
    limits = spec.limits
    folders = {
        path: f"rw,exec,nosuid,nodev,size={int(limits.disk)},mode={mode},uid={_USER},gid={_USER}"
        for path, mode in PRIVATE_FOLDERS.items()
        if path != _SHARED_MEMORY
    }
    confined = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "read_only": True}
    return {
        "user": str(_USER),  # with a group as well, the engine would leave out the user's others
        "hostname": _HOSTNAME,
        "extra_hosts": {_HOSTNAME: "127.0.1.1"},
        "working_dir": "/home/user",
        "environment": guest_environment(spec, watched=False),
        "network_mode": "none",
        "ipc_mode": "private",
        "tmpfs": folders,
        "shm_size": int(limits.disk),
        "mem_limit": int(limits.memory),
        "memswap_limit": int(limits.memory),
        "pids_limit": limits.processes,
        "log_config": _ENGINE_LOG,
        "auto_remove": True,
        **({} if spec.root else confined),
    }


def _record(container: Container) -> DesktopRecord:
    labels = container.labels
    return DesktopRecord(
        id=str(container.name),
        backend=DockerBackend.name,
        image=labels[_IMAGE_LABEL],
        owner=Owner.parse(labels[_OWNER_LABEL]),
        started_at=float(labels[_STARTED_LABEL]),
        labels={
            name.removeprefix(_CALLER_LABEL): value
            for name, value in labels.items()
            if name.startswith(_CALLER_LABEL)
        },
    )
