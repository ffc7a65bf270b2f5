"""An agent that is a program, in any language: it is shown a JSON line, and answers with one.

docs/process-agents.md is the protocol. The program is the user's own and runs on the controller's
machine as the user; what it says is still bounded and validated.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import anyio
from anyio import to_thread
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from pydantic import TypeAdapter, ValidationError

from runner.agents.base import AgentError, Reply, View
from runner.spec import ProcessAgent as ProcessSpec
from sandboxes.background import background
from sandboxes.observation import UiTree
from sandboxes.wire import first_problem

PROTOCOL_VERSION = 1
MAX_LINE_BYTES = 1 << 20
LOG_BYTES = 64 << 10
END_GRACE_S = 1.0
_QUOTED = 200

_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
_TREE: TypeAdapter[UiTree] = TypeAdapter(UiTree)


class ProcessAgent:
    """The program starts when the block begins; when it ends, the program and its whole process group end."""

    def __init__(self, spec: ProcessSpec, folder: Path) -> None:
        self.log = b""
        self._spec = spec
        self._folder = folder
        self._drained = anyio.Event()
        self._scope = AsyncExitStack()
        self._process: Process
        self._lines: BufferedByteReceiveStream
        self._screens: Path

    async def __aenter__(self) -> Self:
        """Raises AgentError where the program cannot be started."""
        async with AsyncExitStack() as scope:
            self._screens = Path(scope.enter_context(TemporaryDirectory(prefix="deskswarm-agent-")))
            self._process = await self._start()
            scope.push_async_callback(self._kill)
            await scope.enter_async_context(background(self._keep_log))
            assert self._process.stdout is not None
            self._lines = BufferedByteReceiveStream(self._process.stdout)
            await self._send({"say": "hello", "protocol": PROTOCOL_VERSION})
            self._scope = scope.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._end()
        finally:
            await self._scope.__aexit__(kind, error, trace)

    async def decide(self, view: View) -> Reply:
        await self._send(await self._describe(view))
        line = await self._receive()
        try:
            return _REPLY.validate_json(line)
        except ValidationError as error:
            problem = first_problem(error)
            raise AgentError(f"the program's answer is no decision ({problem}): {_quote(line)}") from None

    async def _start(self) -> Process:
        program, *arguments = self._spec.command
        if "/" in program:
            program = str(self._folder / program)
        try:
            return await anyio.open_process(
                [program, *arguments],
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd=self._folder,
                start_new_session=True,
            )
        except OSError as error:
            raise AgentError(f"the program {program!r} does not start: {error}") from error

    async def _describe(self, view: View) -> dict[str, Any]:
        seen = view.observation
        return {
            "say": "view",
            "instruction": view.instruction,
            "step": view.step,
            "before": view.before,
            "inputs": dict(view.inputs),
            "last": [result.model_dump() for result in view.last],
            "budget": view.budget.model_dump(),
            "briefings": [briefing.model_dump() for briefing in view.briefings],
            "answer": view.answer.model_dump() if view.answer else None,
            "observation": {
                "screenshot": await self._show(view) if self._spec.screenshots else None,
                "width": seen.screenshot.width,
                "height": seen.screenshot.height,
                "cursor": seen.cursor.model_dump(),
                "windows": [window.model_dump() for window in seen.windows],
                "tree": _TREE.dump_python(seen.tree, mode="json", exclude_defaults=True),
                "taken_at": seen.taken_at,
            },
        }

    async def _show(self, view: View) -> str:
        """Put the screenshot where the program can read it, in place of the one before."""
        await to_thread.run_sync(self._remove_screens)
        path = self._screens / f"step-{view.step:05}.png"
        await to_thread.run_sync(path.write_bytes, view.observation.screenshot.png)
        return str(path)

    def _remove_screens(self) -> None:
        for path in self._screens.iterdir():
            path.unlink()

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            await self._process.stdin.send(json.dumps(message).encode() + b"\n")
        except (anyio.BrokenResourceError, OSError):
            raise await self._ended_early() from None

    async def _receive(self) -> bytes:
        try:
            return await self._lines.receive_until(b"\n", MAX_LINE_BYTES)
        except anyio.DelimiterNotFound:
            start = _quote(self._lines.buffer)
            raise AgentError(
                f"the program's answer is a line of over {MAX_LINE_BYTES} bytes: {start}"
            ) from None
        except (anyio.IncompleteRead, anyio.BrokenResourceError):
            raise await self._ended_early() from None

    async def _ended_early(self) -> AgentError:
        """The error for a program that closed its end, with its last words where it had any."""
        with anyio.move_on_after(END_GRACE_S):
            await self._drained.wait()
            await self._process.wait()
        how = (
            "closed its output" if self._process.returncode is None else f"ended ({self._process.returncode})"
        )
        last = self.log.decode(errors="replace").rstrip().rpartition("\n")[2][-_QUOTED:]
        return AgentError(f"the program {how} before its task was done" + (f": {last}" if last else ""))

    async def _keep_log(self) -> None:
        """Standard error, its end only; read all the time, so that the program never waits for us."""
        assert self._process.stderr is not None
        async for piece in self._process.stderr:
            self.log = (self.log + piece)[-LOG_BYTES:]
        self._drained.set()

    async def _end(self) -> None:
        """Let it see the end of its input, give it a moment, and kill what is left of its group."""
        assert self._process.stdin is not None
        with anyio.CancelScope(shield=True):
            with suppress(anyio.BrokenResourceError, OSError):
                await self._process.stdin.aclose()
            with anyio.move_on_after(END_GRACE_S):
                await self._process.wait()
            self._kill_group()
            with anyio.move_on_after(END_GRACE_S):
                await self._drained.wait()

    async def _kill(self) -> None:
        self._kill_group()
        await self._process.aclose()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _quote(line: bytes) -> str:
    text = line[: _QUOTED + 1].decode(errors="replace")
    return repr(text if len(line) <= _QUOTED else f"{text[:_QUOTED]}…")
