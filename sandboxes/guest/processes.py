"""Child processes: starting them, and learning of their end while also being the desktop's init."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from typing import IO

_Pipe = int | IO[bytes] | None


class Processes:
    """Reaps every child, its own and the orphans an init inherits, and tells whoever waits for one.

    Must be made inside the event loop; starting and reaping both happen there, so no end is missed.
    """

    def __init__(self, output: int) -> None:
        """`output` is where programs write whose output nobody asked for."""
        self._output = output
        self._waiting: dict[int, Callable[[int], None]] = {}
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.reap)

    def start(
        self,
        argv: tuple[str, ...],
        environment: dict[str, str],
        cwd: str,
        stdin: _Pipe = subprocess.DEVNULL,
        stdout: _Pipe = None,
        stderr: _Pipe = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own. Raises OSError where it cannot be executed."""
        return subprocess.Popen(
            argv,
            env=environment,
            cwd=cwd,
            stdin=stdin,
            stdout=self._output if stdout is None else stdout,
            stderr=self._output if stderr is None else stderr,
            start_new_session=True,
        )

    def ended(self, process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
        """The exit code to be; negative is the signal that killed it."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def tell(code: int) -> None:
            process.returncode = code
            if not future.done():
                future.set_result(code)

        self.watch(process.pid, tell)
        return future

    def watch(self, pid: int, tell: Callable[[int], None]) -> None:
        """Call `tell` with the exit code of a child that was started in this turn of the event loop."""
        self._waiting[pid] = tell

    def reap(self) -> None:
        """Collect every child that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            tell = self._waiting.pop(pid, None)
            if tell is not None:
                tell(os.waitstatus_to_exitcode(status))
