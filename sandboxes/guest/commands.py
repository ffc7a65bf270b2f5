"""Running programs: to their end, or in the session."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen
from typing import IO

import anyio

from .failures import RequestFailed
from .files import expand
from .output import Output
from .processes import Processes
from .protocol import Exec, ExecReply, Launch, LaunchReply

_MARK = "DESKSWARM_EXEC"
_KILL_ROUNDS = 50


class Commands:
    def __init__(self, processes: Processes, environment: dict[str, str]) -> None:
        self._processes = processes
        self._environment = environment

    async def exec(self, args: Exec, stdin: bytes) -> tuple[ExecReply, bytes]:
        """Run a program to its end. If the deadline comes first, it and all it started are killed;
        what it leaves in the background at its own end lives on."""
        mark = secrets.token_hex(8)
        with _output(args.max_output) as stdout, _output(args.max_output) as stderr:
            try:
                code = await self._run(args, stdin, stdout, stderr, mark)
            except anyio.get_cancelled_exc_class():
                _kill_marked(mark)
                raise
        reply = ExecReply(
            exit_code=code,
            stdout_bytes=len(stdout.kept),
            stderr_bytes=len(stderr.kept),
            truncated=stdout.truncated or stderr.truncated,
        )
        return reply, bytes(stdout.kept + stderr.kept)

    async def launch(self, args: Launch) -> LaunchReply:
        """Start a program in the session; its output joins the session's."""
        return LaunchReply(pid=self._start(args.argv, args.env, None).pid)

    async def _run(self, args: Exec, stdin: bytes, stdout: Output, stderr: Output, mark: str) -> int:
        try:
            with _as_file(stdin) as file:
                process = self._start(
                    args.argv, {**args.env, _MARK: mark}, args.cwd, file, stdout.writer, stderr.writer
                )
        finally:
            os.close(stdout.writer)
            os.close(stderr.writer)
        ended = self._processes.ended(process)
        async with anyio.create_task_group() as readers:
            readers.start_soon(stdout.follow)
            readers.start_soon(stderr.follow)
            code = await ended
            readers.cancel_scope.cancel()
        stdout.rest()
        stderr.rest()
        return code

    def _start(
        self,
        argv: tuple[str, ...],
        env: dict[str, str],
        cwd: str | None,
        stdin: IO[bytes] | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Popen[bytes]:
        try:
            return self._processes.start(
                _with_home(argv), self._environment | env, str(expand(cwd or "~")), stdin, stdout, stderr
            )
        except (OSError, ValueError) as error:
            raise RequestFailed("not_found", f"{argv[0]}: {error}") from None


def _with_home(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Arguments as a shell would pass them on: a leading `~/` is the home folder."""
    return tuple(str(expand(word)) if word.startswith("~/") else word for word in argv)


@contextmanager
def _output(limit: int) -> Iterator[Output]:
    output = Output(limit)
    try:
        yield output
    finally:
        output.close()


@contextmanager
def _as_file(data: bytes) -> Iterator[IO[bytes]]:
    """Standard input as a file in memory: nobody has to feed it while the program runs."""
    with os.fdopen(os.memfd_create("stdin"), "wb+") as file:
        file.write(data)
        file.seek(0)
        yield file


def _kill_marked(mark: str) -> None:
    """Kill every process that inherited the mark, wherever it went, until none is left."""
    entry = f"{_MARK}={mark}".encode()
    for _ in range(_KILL_ROUNDS):
        marked = [pid for pid in _all_pids() if entry in _environ(pid)]
        if not marked:
            return
        for pid in marked:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _environ(pid: int) -> list[bytes]:
    """Empty for a process that has ended, or is not ours to look at."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
