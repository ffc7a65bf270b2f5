"""Whose a desktop is now, what for, and how long it may outlive them: what its backend's record cannot say.

That record is made with the desktop. A warm one is leased later, and one that outlives its controller is
taken up by another. `HOME/run/claims/ID`, until the desktop's end; its owner renews it while it lives.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sandboxes.backend import DesktopRecord
from sandboxes.home import run_folder
from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec, Model

RENEW_S = 5.0
"""So often an owner says that it lives: from the last time on, what outlives it has its time."""


class _File(Model):
    owner: str
    spec: DesktopSpec
    labels: dict[str, str]
    outlive_s: float


@dataclass(frozen=True, slots=True)
class Claim:
    """`renewed_at` is in seconds since the epoch; with `outlive_s` 0 the desktop ends with its owner."""

    owner: Owner
    spec: DesktopSpec
    labels: dict[str, str]
    outlive_s: float
    renewed_at: float

    @property
    def left_s(self) -> float:
        """How long it may still live without its owner."""
        if not self.outlive_s:
            return 0
        return max(0, self.renewed_at + RENEW_S + self.outlive_s - time.time())

    @property
    def is_over(self) -> bool:
        return not self.left_s and not self.owner.is_alive()


class Claims:
    """The claims on the desktops of one home."""

    def __init__(self, home: Path) -> None:
        self._folder = run_folder(home, "claims")

    def write(self, desktop_id: str, spec: DesktopSpec, labels: dict[str, str], outlive_s: float = 0) -> None:
        """From now on the desktop is this process's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = _File(owner=str(Owner.current()), spec=spec, labels=labels, outlive_s=outlive_s)
        draft = self._folder / f".{desktop_id}"
        draft.write_text(file.model_dump_json())
        draft.rename(self._folder / desktop_id)

    def renew(self, desktop_ids: Iterable[str]) -> None:
        for desktop_id in desktop_ids:
            with suppress(FileNotFoundError):  # it ends just now
                os.utime(self._folder / desktop_id)

    def read(self, desktop_id: str) -> Claim | None:
        path = self._folder / desktop_id
        try:
            file = _File.model_validate_json(path.read_bytes())
            renewed_at = path.stat().st_mtime
        except FileNotFoundError:
            return None
        return Claim(Owner.parse(file.owner), file.spec, file.labels, file.outlive_s, renewed_at)

    def remove(self, desktop_id: str) -> None:
        (self._folder / desktop_id).unlink(missing_ok=True)

    def present(self, record: DesktopRecord) -> DesktopRecord:
        """The record of a desktop as things are now."""
        claim = self.read(record.id)
        return replace(record, owner=claim.owner, labels=claim.labels) if claim else record

    def abandoned(self, records: Iterable[DesktopRecord]) -> list[str]:
        """The desktops whose owner is dead and that were not to outlive it, or not for so long."""
        claims = ((record, self.read(record.id)) for record in records)
        return [
            record.id for record, claim in claims if (claim.is_over if claim else not record.owner.is_alive())
        ]

    def left_s(self, owner: Owner) -> float | None:
        """How long the last of an owner's desktops may still live without it; None where there are none."""
        return max((claim.left_s for _, claim in self._all() if claim.owner == owner), default=None)

    def sweep(self) -> None:
        """Remove what is over."""
        for desktop_id, claim in self._all():
            if claim.is_over:
                self.remove(desktop_id)

    def _all(self) -> Iterator[tuple[str, Claim]]:
        for path in self._folder.glob("d-*"):
            if claim := self.read(path.name):  # else another process was quicker
                yield path.name, claim
