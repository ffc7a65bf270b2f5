"""What a kind of isolation must do, and how its implementations are found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from anyio.abc import ByteStream

from sandboxes.errors import BackendUnavailable, InputError
from sandboxes.owner import Owner
from sandboxes.spec import Capabilities, DesktopSpec

ENTRY_POINT_GROUP = "deskswarm.backends"


@dataclass(frozen=True, slots=True)
class DesktopRecord:
    """A desktop as its backend knows it, readable by a process that did not start it."""

    id: str
    backend: str
    image: str
    owner: Owner
    started_at: float
    labels: dict[str, str]


@runtime_checkable
class Backend(Protocol):
    """One kind of isolation on one machine.

    A backend is made with `home`, the folder that holds deskswarm's state, and keeps nothing else:
    `desktops`, `stop` and `reap` work on desktops that another process started.
    """

    name: ClassVar[str]

    def __init__(self, home: Path) -> None: ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do on this machine."""
        ...

    async def check(self) -> str:
        """One line on what is there (version, image). Raises BackendUnavailable with the fix."""
        ...

    async def prepare(self, spec: DesktopSpec) -> None:
        """See to what desktops of a spec share; slow perhaps once, then quick.

        Raises ImageNotFound, BackendUnavailable.
        """
        ...

    async def create(self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        """Start a desktop of a prepared spec; return when its guest can be connected to.

        Cancelled or failed, it leaves nothing behind. Raises DesktopStartError, ImageNotFound,
        BackendUnavailable.
        """
        ...

    async def connect(self, desktop_id: str) -> ByteStream:
        """A new duplex stream to the guest. Raises DesktopLost."""
        ...

    async def stop(self, desktop_id: str) -> None:
        """End a desktop and remove every trace of it. Harmless where there is none."""
        ...

    async def desktops(self) -> list[DesktopRecord]:
        """All desktops of this backend under this home, of any owner."""
        ...

    async def log(self, desktop_id: str) -> str:
        """The end of what the desktop's own processes wrote, at most 64 KiB; evidence of a failure."""
        ...

    async def reap(self) -> list[str]:
        """Remove what dead owners left behind; the ids of what was removed."""
        ...


@runtime_checkable
class Snapshotting(Protocol):
    """A backend whose `capabilities.snapshots` is not `none`.

    What a folder of saved state holds is the backend's own affair. The files come from the desktop,
    or from a person who imported them: they are untrusted.
    """

    async def save(self, desktop_id: str, folder: Path) -> None:
        """Write a desktop's state into an empty folder, in plain files; the desktop goes on.

        Raises DesktopLost, SnapshotError where the state is larger than its limits allow.
        """
        ...

    async def create_from(
        self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str], folder: Path
    ) -> None:
        """Like `create`, from a saved state; `folder` is only read. Raises SnapshotError too."""
        ...

    def versions(self) -> dict[str, str]:
        """What a saved state is tied to besides its image, as {"qemu": "7.2.0"}: it fits only the same."""
        ...


@runtime_checkable
class Forking(Protocol):
    """A backend whose `capabilities.live_fork` is true."""

    async def fork(self, source_id: str, desktop_id: str, owner: Owner, labels: dict[str, str]) -> None:
        """Make a copy of a running desktop, programs and all; both go on.

        Raises DesktopLost, and what `create` does.
        """
        ...


@runtime_checkable
class Measuring(Protocol):
    """A backend that can tell how much of this machine's memory its desktops use."""

    async def memory(self, ids: Collection[str]) -> dict[str, int]:
        """Each desktop's working set now, in bytes; those that are not there are left out."""
        ...


def backend_names() -> list[str]:
    """The names of all installed backends."""
    return sorted(entry.name for entry in entry_points(group=ENTRY_POINT_GROUP))


def load_backend(name: str, home: Path) -> Backend:
    """The backend of that name. Raises InputError for an unknown one, BackendUnavailable
    where its extra is not installed."""
    for entry in entry_points(group=ENTRY_POINT_GROUP, name=name):
        try:
            factory = entry.load()
        except ImportError as error:
            raise BackendUnavailable(
                f"backend {name!r} needs a package that is not installed ({error.name}): "
                f"pip install 'deskswarm[{name}]'"
            ) from error
        backend: Backend = factory(home)
        return backend
    raise InputError(f"backend: {name!r} is not known; use one of {', '.join(backend_names())}")
