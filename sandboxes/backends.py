"""The backends of one home, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sandboxes.backend import Backend, DesktopRecord, Measuring, Snapshotting, backend_names, load_backend
from sandboxes.errors import BackendUnavailable, InfraError, InputError
from sandboxes.lease import MAX_OUTLIVE_S
from sandboxes.spec import DesktopSpec


class Backends:
    def __init__(self, home: Path, made: Mapping[str, Backend] | None = None) -> None:
        """`made`, by name, take the place of the installed ones."""
        self._home = home
        self._made: dict[str, Backend] = dict(made or {})

    def get(self, name: str) -> Backend:
        """Raises InputError for an unknown one, BackendUnavailable where its extra is not installed."""
        if name not in self._made:
            self._made[name] = load_backend(name, self._home)
        return self._made[name]

    async def desktops(self) -> list[DesktopRecord]:
        """Those of every backend, whoever started them."""
        return [record for backend in self._usable() for record in await _desktops(backend)]

    async def find(self, desktop_id: str) -> Backend | None:
        """The backend that a desktop is on; None where there is no such desktop."""
        for record in await self.desktops():
            if record.id == desktop_id:
                return self.get(record.backend)
        return None

    def _usable(self) -> list[Backend]:
        found = []
        for name in backend_names():
            try:
                found.append(self.get(name))
            except BackendUnavailable:  # not installed, so it has no desktops
                continue
        return found


def check_capabilities(backend: Backend, spec: DesktopSpec) -> None:
    """Raises InputError for a spec that the backend cannot fulfil."""
    if spec.root and not backend.capabilities.root:
        raise InputError(
            f"desktop.root: backend {backend.name!r} cannot give root; use one that can, as docker"
        )
    if spec.network != "none" and not backend.capabilities.real:
        raise InputError(
            f"desktop.network: backend {backend.name!r} runs no programs that could reach it; "
            "use one that does, as bubblewrap"
        )


def check_outlives(backend: Backend, outlive_s: float) -> None:
    """Raises InputError for a desktop that is to outlive its controller where none does."""
    if outlive_s and not backend.capabilities.survives_controller:
        raise InputError(
            f"outlive_s: the desktops of backend {backend.name!r} end with their controller; "
            "leave it out, or use a backend whose desktops do not, as docker"
        )
    if not 0 <= outlive_s <= MAX_OUTLIVE_S:
        raise InputError(f"outlive_s: {outlive_s:g} is not between 0 and {MAX_OUTLIVE_S:g}")


def snapshotting(backend: Backend) -> Snapshotting:
    """The backend as one that can save desktops. Raises InputError where it cannot."""
    if backend.capabilities.snapshots == "none" or not isinstance(backend, Snapshotting):
        raise InputError(f"backend {backend.name!r} cannot save desktops; use one that can, as bubblewrap")
    return backend


async def memory_of(backend: Backend, ids: list[str]) -> dict[str, int]:
    """The working sets of a backend's desktops on this machine, in bytes, as far as it can tell."""
    if not isinstance(backend, Measuring) or not backend.capabilities.local:
        return {}
    try:
        return await backend.memory(ids)
    except InfraError:  # what it needs is away for a moment; so are the figures
        return {}


async def _desktops(backend: Backend) -> list[DesktopRecord]:
    try:
        return await backend.desktops()
    except BackendUnavailable:  # its desktops, if any, ended with what they ran on
        return []
