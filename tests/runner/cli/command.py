"""The real command, in processes of its own and with a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from sandboxes.simulation.settings import FILE_NAME, Fault, Simulation

COMMAND = str(Path(sys.executable).with_name("deskswarm"))
PATIENCE_S = 60


class Command:
    """Runs `deskswarm` under a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def __call__(
        self, *arguments: str, code: int = 0, timeout: float = PATIENCE_S
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == code, (
            f"{arguments} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        assert "Traceback" not in done.stderr
        return done

    def start(self, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [COMMAND, *arguments],
            env=self._environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, swarm: str, *, backend: str = "simulated", code: int = 0) -> dict[str, Any]:
        """Run a swarm, and return the JSON of its result."""
        done = self("run", self.file(swarm), "--backend", backend, "--json", code=code)
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def file(self, swarm: str) -> str:
        path = self.folder / "swarm.yaml"
        path.write_text(swarm)
        return str(path)

    def simulate(self, *faults: Fault) -> None:
        (self.home / FILE_NAME).write_text(Simulation(faults=faults).model_dump_json())

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "DESKSWARM_HOME": str(self.home)}


def read_until(process: subprocess.Popen[str], text: str, stream: str) -> str:
    """The first line that holds the text."""
    for line in getattr(process, stream):
        if text in line:
            return str(line)
    raise AssertionError(f"the command ended before it wrote {text!r}")


def interrupt(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[str, str, int]:
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return stdout, stderr, process.returncode
