"""What warm desktops came to be used for: a backend's own record of one says only that it was warm.

`HOME/run/labels/ID`, from a lease out of the pool to the desktop's end.
"""

from __future__ import annotations

from pathlib import Path

from sandboxes.home import run_folder
from sandboxes.owner import Owner
from sandboxes.spec import Model


class _Entry(Model):
    owner: str
    labels: dict[str, str]


class Labels:
    """The labels of one home's desktops that are not what their backends recorded."""

    def __init__(self, home: Path) -> None:
        self._folder = run_folder(home, "labels")

    def write(self, desktop_id: str, labels: dict[str, str]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        entry = _Entry(owner=str(Owner.current()), labels=labels)
        draft = self._folder / f".{desktop_id}"
        draft.write_text(entry.model_dump_json())
        draft.rename(self._folder / desktop_id)

    def read(self, desktop_id: str) -> dict[str, str] | None:
        try:
            return _Entry.model_validate_json((self._folder / desktop_id).read_bytes()).labels
        except FileNotFoundError:
            return None

    def remove(self, desktop_id: str) -> None:
        (self._folder / desktop_id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what processes left that have died."""
        for path in self._folder.glob("d-*"):
            try:
                entry = _Entry.model_validate_json(path.read_bytes())
            except FileNotFoundError:  # another process was quicker
                continue
            if not Owner.parse(entry.owner).is_alive():
                path.unlink(missing_ok=True)
