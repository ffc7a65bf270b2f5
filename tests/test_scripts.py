"""The scripts beside the program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


def test_to_stop_engines_where_none_is_ours_is_no_failure(tmp_path: Path) -> None:
    done = subprocess.run(
        [SCRIPTS / "engine", "stop"],
        env=os.environ | {"DESKSWARM_ENGINE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{name}: not ours, left alone" for name in ("libvirtd", "virtlogd", "dockerd")
    ]
