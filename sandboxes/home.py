"""Where deskswarm keeps its state.

HOME/id                      the home's own name, random
HOME/images/                 built images (sandboxes.image)
HOME/guest/KEY/              the guest's code, compiled, of each version of deskswarm that ran (1 MB)
HOME/run/bubblewrap/ID/      one folder per running desktop; nothing else is left on the host
HOME/run/claims/ID           whose a desktop is, where that is not who started it (sandboxes.claims)
HOME/snapshots/              saved desktops (sandboxes.snapshot)
HOME/reaper.log              what a reaper could not remove, and why
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

import platformdirs

from sandboxes.errors import InputError

VARIABLE = "DESKSWARM_HOME"


def find_home() -> Path:
    """The folder of all state: `DESKSWARM_HOME`, else the user's data folder. Raises InputError."""
    chosen = os.environ.get(VARIABLE)
    if not chosen:
        return platformdirs.user_data_path("deskswarm")
    path = Path(chosen)
    if not path.is_absolute():
        raise InputError(f"{VARIABLE}: {chosen!r} is not an absolute path")
    return path


def images_folder(home: Path) -> Path:
    return home / "images"


def snapshots_folder(home: Path) -> Path:
    return home / "snapshots"


def run_folder(home: Path, backend: str) -> Path:
    """Where a backend keeps what its running desktops need on the host; for this user only."""
    return home / "run" / backend


def home_id(home: Path) -> str:
    """The name of this home where several share a place, such as a Docker engine. Made once, at random:
    another machine's home may have the same path."""
    path = home / "id"
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), tempfile.NamedTemporaryFile("w", dir=home) as draft:
        draft.write(secrets.token_hex(8))
        draft.flush()
        os.link(draft.name, path)
    return path.read_text()


def find_home_id(home: Path) -> str | None:
    """The same where it has been made. None: no engine holds anything of this home, or it is going."""
    try:
        return (home / "id").read_text()
    except FileNotFoundError:
        return None
