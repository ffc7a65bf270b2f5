"""`deskswarm bench`, as its user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-c", "from runner.cli import main; main()", "bench"]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "DESKSWARM_HOME": str(home)}


def bench(home: Path, *words: str, code: int = 0) -> str:
    """What it prints, or where it fails what it complains of."""
    command = [*COMMAND, *words]
    ran = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    return ran.stdout if code == 0 else ran.stderr
