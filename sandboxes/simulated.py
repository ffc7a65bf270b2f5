"""The `simulated` backend: scripted desktops in memory, for tests and scale studies only.

They live in the process that made them and end with it. How long things take and what fails is read
from `simulation.json` in deskswarm's home (`sandboxes.simulation.settings`), where there is one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import ClassVar

import anyio
from anyio.abc import ByteStream
from pydantic import ValidationError

from sandboxes.backend import DesktopRecord
from sandboxes.errors import DesktopLost, DesktopStartError, InputError
from sandboxes.owner import Owner
from sandboxes.simulation.guest import SimulatedGuest
from sandboxes.simulation.settings import FILE_NAME, Fault, Simulation
from sandboxes.simulation.stream import GuestStream
from sandboxes.spec import Capabilities, DesktopSpec


@dataclass
class _Machine:
    """What the desktops of one home share: they are this process's, whichever backend object made them."""

    guests: dict[str, SimulatedGuest] = field(default_factory=dict)
    records: dict[str, DesktopRecord] = field(default_factory=dict)


_machines: dict[Path, _Machine] = {}


class SimulatedBackend:
    name: ClassVar[str] = "simulated"
    capabilities: ClassVar[Capabilities] = Capabilities(
        real=False, hard_limits=False, local=False, live_fork=True
    )

    def __init__(self, home: Path, simulation: Simulation | None = None) -> None:
        """Raises InputError where `simulation` is not given and the file in `home` is wrong."""
        self._simulation = simulation or _read_simulation(home / FILE_NAME)
        self._machine = _machines.setdefault(home.resolve(), _Machine())
        self._made = 0
        self._struck = [0] * len(self._simulation.faults)

    async def check(self) -> str:
        return "in memory; for tests and scale studies only"

    async def prepare(self, spec: DesktopSpec) -> None:
        """Any image will do."""

    async def create(self, desktop_id: str, spec: DesktopSpec, owner: Owner, labels: dict[str, str]) -> None:
        fault, random = await self._boot(desktop_id, labels)
        guest = SimulatedGuest(spec, self._simulation, fault, random)
        self._add(guest, desktop_id, spec.image, owner, labels)

    async def fork(self, source_id: str, desktop_id: str, owner: Owner, labels: dict[str, str]) -> None:
        fault, random = await self._boot(desktop_id, labels)
        guest = self._guest(source_id).copy(fault, random)
        self._add(guest, desktop_id, self._machine.records[source_id].image, owner, labels)

    async def connect(self, desktop_id: str) -> ByteStream:
        return GuestStream(self._guest(desktop_id))

    async def stop(self, desktop_id: str) -> None:
        self._machine.records.pop(desktop_id, None)
        guest = self._machine.guests.pop(desktop_id, None)
        if guest is not None:
            guest.end("stopped")

    async def desktops(self) -> list[DesktopRecord]:
        return list(self._machine.records.values())

    async def log(self, desktop_id: str) -> str:
        guest = self._machine.guests.get(desktop_id)
        return guest.log if guest is not None else ""

    async def reap(self) -> list[str]:
        """Remove the desktops whose own dead-man's switch ended them; their owner is this process."""
        ended = [desktop_id for desktop_id, guest in self._machine.guests.items() if guest.ended]
        for desktop_id in ended:
            await self.stop(desktop_id)
        return ended

    async def _boot(self, desktop_id: str, labels: dict[str, str]) -> tuple[Fault | None, Random]:
        """What will befall the desktop, and what else it is to draw from."""
        self._made += 1
        random = Random(f"{self._simulation.seed}/{self._made}")
        fault = self._draw_fault(labels, random)
        await anyio.sleep(self._simulation.boot.draw(random))
        if fault is not None and fault.what == "refuse":
            raise DesktopStartError(f"{desktop_id} did not start, as its simulation says")
        return fault, random

    def _add(
        self, guest: SimulatedGuest, desktop_id: str, image: str, owner: Owner, labels: dict[str, str]
    ) -> None:
        record = DesktopRecord(desktop_id, self.name, image, owner, time.time(), dict(labels))
        self._machine.guests[desktop_id], self._machine.records[desktop_id] = guest, record

    def _guest(self, desktop_id: str) -> SimulatedGuest:
        guest = self._machine.guests.get(desktop_id)
        if guest is None or guest.ended:
            raise DesktopLost(f"{desktop_id} has ended")
        return guest

    def _draw_fault(self, labels: dict[str, str], random: Random) -> Fault | None:
        """The first fault that befalls this desktop. Every fault draws, so that they stay independent."""
        for index, fault in enumerate(self._simulation.faults):
            drawn = random.random() < fault.probability
            spent = fault.times is not None and self._struck[index] >= fault.times
            if drawn and not spent and fault.labels.items() <= labels.items():
                self._struck[index] += 1
                return fault
        return None


def _read_simulation(path: Path) -> Simulation:
    if not path.exists():
        return Simulation()
    try:
        return Simulation.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: {error}") from None
