"""What another process must know of a running machine: `record.json` in its folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from sandboxes.owner import Owner
from sandboxes.spec import DesktopSpec, Model

_FILE = "record.json"


class Record(Model):
    spec: DesktopSpec
    owner: str
    started_at: float
    labels: dict[str, str]
    template: str = Field(description="the key of the one it is a copy of, or is to become")
    memory: Path = Field(description="the file its memory began with")
    processes: list[str] = Field(default=[], description="QEMU, once it runs")

    @property
    def process(self) -> Owner | None:
        return Owner.parse(self.processes[-1]) if self.processes else None

    def write(self, folder: Path) -> None:
        """Whole or not at all: another process may be reading."""
        draft = folder / f"{_FILE}.new"
        draft.touch(mode=0o600)
        draft.write_text(self.model_dump_json())
        draft.rename(folder / _FILE)


def read_record(folder: Path) -> Record | None:
    try:
        return Record.model_validate_json((folder / _FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
