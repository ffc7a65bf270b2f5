"""Which backends a benchmark measures, and the desktops it measures them on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from runner.bench.request import Tell
from sandboxes.backend import Backend, backend_names
from sandboxes.errors import BackendUnavailable, ImageNotFound
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

SMALL = DesktopSpec(image="slim")
"""What is started, copied and kept warm: the image's whole session at full size, and nothing on it."""


async def backends_to_measure(host: Host, only: str | None, tell: Tell) -> AsyncIterator[Backend]:
    """The one that is named, or all of real desktops that work here; `tell` says why others do not.

    Raises InputError and InfraError for a named one.
    """
    if only is not None:
        await host.backends.get(only).check()
        await host.prepare(SMALL, backend=only)
        yield host.backends.get(only)
        return
    for name in backend_names():
        try:
            backend = host.backends.get(name)
            if not backend.capabilities.real:
                continue
            await backend.check()
            await host.prepare(SMALL, backend=name)
        except (BackendUnavailable, ImageNotFound) as error:
            tell(f"{name} is not measured: {error}")
        else:
            yield backend
