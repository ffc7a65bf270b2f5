"""Desktops in containers, through the Docker SDK; the engine may be on another machine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import anyio
import requests
from anyio.abc import ByteStream
from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import LogConfig

from sandboxes.archive import FORMAT
from sandboxes.backend import DesktopRecord
from sandboxes.claims import Claims
from sandboxes.docker_archive import USER, WAITING_GUEST, put_back, read_out
from sandboxes.docker_exec import ask, open_exec
from sandboxes.docker_image import HOME_LABEL, add_image, guest_image, has_image, remove_old_images
from sandboxes.docker_log import LogTail
from sandboxes.docker_stream import is_local_engine
from sandboxes.errors import DesktopStartError
from sandboxes.filelock import only_one
from sandboxes.home import find_home_id, home_id, images_folder, run_folder
from sandboxes.image import ImageStore
from sandboxes.namespaces import GUEST, PRIVATE_FOLDERS, guest_environment
from sandboxes.owner import Owner
from sandboxes.process import LOG_BYTES
from sandboxes.spec import Capabilities, DesktopSpec

_HOSTNAME = "desktop"
_IMPORT_SECONDS = 900
_STOP_SECONDS = 15
_LOG_LINES = 1000
_SHARED_MEMORY = "/dev/shm"  # the engine's own option
_IMAGE_LABEL = "deskswarm.image"
_OWNER_LABEL = "deskswarm.owner"
_STARTED_LABEL = "deskswarm.started"
_CALLER_LABEL = "deskswarm.label."
_ENGINE_LOG = LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m", "max-file": "1"})


class DockerBackend:
    """Containers with a read-only image, private folders in memory, no capabilities and no network.

    With `root`, the image is writable, the default capabilities are there and `sudo` works.
    """

    name: ClassVar[str] = "docker"

    def __init__(self, home: Path) -> None:
        self._home = home
        self._images = ImageStore(images_folder(home))
        self._claims = Claims(home)
        self._logs: dict[str, LogTail] = {}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            root=True, survives_controller=True, snapshots="filesystem", local=is_local_engine()
        )

    async def check(self) -> str:
        def version(client: DockerClient) -> str:
            return f"Docker engine {client.version()['Version']}"

        return await ask(version)

    async def prepare(self, spec: DesktopSpec) -> None:
        """See to it that the engine has the image, with the present guest in it."""
        found = self._images.find(spec.image)

        def is_there(client: DockerClient) -> bool:
            return has_image(client, guest_image(found))

        if await ask(is_there):
            return
        async with only_one(run_folder(self._home, self.name) / "images.lock"):
            if not await ask(is_there):
                await ask(lambda client: add_image(client, found, home_id(self._home)), _IMPORT_SECONDS)

    async def create(self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        async with self._created(desktop_id, spec, owner, labels, GUEST):
            pass

    async def create_from(
        self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str], folder: Path
    ) -> None:
        async with self._created(desktop_id, spec, owner, labels, WAITING_GUEST):
            await put_back(desktop_id, folder, root=spec.root)

    async def save(self, desktop_id: str, folder: Path) -> None:
        """The folders that hold files and, with `root`, what changed of the image's own files."""
        await read_out(desktop_id, folder)

    def versions(self) -> dict[str, str]:
        return {"archive": FORMAT}

    async def memory(self, ids: Collection[str]) -> dict[str, int]:
        return await ask(lambda client: dict(_working_sets(client, ids)))

    @asynccontextmanager
    async def _created(
        self,
        desktop_id: str,
        spec: DesktopSpec,
        owner: Owner,
        labels: dict[str, str],
        program: Sequence[str],
    ) -> AsyncIterator[None]:
        """A container that runs a program; where that, or the block, fails, none."""
        image = self._images.find(spec.image)
        options = _options(spec) | {"name": desktop_id, "labels": self._labels(spec, owner, labels)}

        def run(client: DockerClient) -> None:
            try:
                client.containers.create(guest_image(image), list(program), **options).start()
            except APIError as error:
                raise DesktopStartError(f"desktop {desktop_id} did not start: {error.explanation}") from error

        try:
            await ask(run)
            yield
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.stop(desktop_id)
            raise
        self._logs[desktop_id] = LogTail(desktop_id)

    async def connect(self, desktop_id: str) -> ByteStream:
        return (await open_exec(desktop_id, [*GUEST, "connect"], USER))[1]

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

        await ask(remove)
        self._logs.pop(desktop_id, None)

    async def desktops(self) -> list[DesktopRecord]:
        home = find_home_id(self._home)
        if home is None:
            return []

        def find(client: DockerClient) -> list[DesktopRecord]:
            filters: dict[str, str | list[str] | bool] = {"label": [f"{HOME_LABEL}={home}", _OWNER_LABEL]}
            found = client.containers.list(all=True, filters=filters, ignore_removed=True)
            return [_record(container) for container in found]

        return await ask(find)

    async def log(self, desktop_id: str) -> str:
        def read(client: DockerClient) -> str:
            if desktop_id in self._logs:
                return self._logs[desktop_id].text()
            try:
                text: bytes = client.api.logs(desktop_id, tail=_LOG_LINES)
            except NotFound:
                return ""
            return text[-LOG_BYTES:].decode(errors="replace")

        return await ask(read)

    async def reap(self) -> list[str]:
        """Also the copies of images that this home no longer has."""
        home = find_home_id(self._home)
        if home is None:
            return []
        dead = self._claims.abandoned(await self.desktops())
        for desktop_id in dead:
            await self.stop(desktop_id)
        await ask(lambda client: remove_old_images(client, home, self._images.ls()))
        return dead

    def _labels(self, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> dict[str, str]:
        return {
            HOME_LABEL: home_id(self._home),
            _IMAGE_LABEL: spec.image,
            _OWNER_LABEL: str(owner),
            _STARTED_LABEL: str(time.time()),
        } | {_CALLER_LABEL + name: value for name, value in labels.items()}


def _options(spec: DesktopSpec) -> dict[str, Any]:
    """How the container is made; see `DockerClient.containers.create`."""
    limits = spec.limits
    folders = {
        path: f"rw,exec,nosuid,nodev,size={int(limits.disk)},mode={mode},uid={USER},gid={USER}"
        for path, mode in PRIVATE_FOLDERS.items()
        if path != _SHARED_MEMORY
    }
    confined = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "read_only": True}
    return {
        "user": str(USER),  # with a group as well, the engine would leave out the user's others
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


def _working_sets(client: DockerClient, ids: Collection[str]) -> Iterator[tuple[str, int]]:
    for desktop_id in ids:
        with suppress(NotFound, requests.JSONDecodeError):  # it ended, before or while it was asked
            memory = client.api.stats(desktop_id, stream=False, one_shot=True)["memory_stats"]
            if "usage" in memory:
                details = memory["stats"]
                idle = details.get("total_inactive_file", details.get("inactive_file", 0))
                yield desktop_id, max(0, memory["usage"] - idle)


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
