"""Programs: run to their end, started, and run until something can be seen of them."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping

import anyio
from pydantic import Field

from runner.osworld.endpoint import Answer, Args, Endpoint, Refused, as_json, as_text, endpoint
from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop, ExecResult
from sandboxes.errors import DeadlineExceeded

EXECUTE_TIMEOUT_S = 120.0
PYTHON_TIMEOUT_S = 85.0  # OSWorld's client waits 90 s
MAX_WAIT_S = 600.0


class Execute(Args):
    command: str | list[str] = Field(min_length=1)
    shell: bool = False

    @property
    def argv(self) -> list[str]:
        """As Python's subprocess has it: a list for a shell is its script and that script's arguments."""
        if self.shell:
            return ["/bin/sh", "-c", *([self.command] if isinstance(self.command, str) else self.command)]
        return split(self.command) if isinstance(self.command, str) else self.command


class Verification(Args):
    window_exists: str | None = None
    command_success: str | list[str] | None = None


class ExecuteVerified(Execute):
    verification: Verification = Verification()
    max_wait_time: float = Field(default=10, ge=0, le=MAX_WAIT_S)
    check_interval: float = Field(default=1, ge=0.05, le=MAX_WAIT_S)


class RunPython(Args):
    code: str = Field(min_length=1)


class RunBash(Args):
    script: str = Field(min_length=1)
    timeout: float = Field(default=100, gt=0, le=3600)
    working_dir: str | None = None


class Commands:
    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop

    def endpoints(self) -> list[Endpoint]:
        verified = ("/execute_with_verification", "/setup/execute_with_verification")
        return [
            endpoint("POST", ("/execute", "/setup/execute"), Execute, self.execute, act=True),
            endpoint("POST", verified, ExecuteVerified, self.execute_verified, act=True),
            endpoint("POST", "/setup/launch", Execute, self.launch, act=True),
            endpoint("POST", "/run_python", RunPython, self.run_python, act=True),
            endpoint("POST", "/run_bash_script", RunBash, self.run_bash, act=True),
        ]

    async def execute(self, args: Execute) -> Answer:
        return as_json(_outcome(await self._desktop.exec(args.argv, timeout=EXECUTE_TIMEOUT_S)))

    async def execute_verified(self, args: ExecuteVerified) -> Answer:
        """The command, and then looks at what it should have brought about, until that is so."""
        outcome = _outcome(await self._desktop.exec(args.argv, timeout=EXECUTE_TIMEOUT_S))
        begun, pace = anyio.current_time(), Pace(args.check_interval)
        with anyio.move_on_after(args.max_wait_time):
            while not await self._verify(args.verification):
                await pace.wait()
            waited = anyio.current_time() - begun
            return as_json({**outcome, "verification": "passed", "wait_time": waited})
        message = f"verification failed: not so within {args.max_wait_time:g} s"
        raise Refused(500, message, **{**outcome, "status": "verification_failed"})

    async def launch(self, args: Execute) -> Answer:
        await self._desktop.open(args.argv)
        said = args.command if isinstance(args.command, str) else " ".join(args.command)
        return as_text(f"{said} launched successfully")

    async def run_python(self, args: RunPython) -> Answer:
        result = await self._run_script("python3", args.code, PYTHON_TIMEOUT_S)
        outcome = _outcome(result)
        return as_json(
            {
                **outcome,
                "status": _status(result),
                "message": f"{outcome['output']}{outcome['error']}",
                "need_more": False,
                "return_code": result.exit_code,
            }
        )

    async def run_bash(self, args: RunBash) -> Answer:
        """Errors are among the output, in the order in which both were written."""
        try:
            result = await self._run_script("bash", args.script, args.timeout, args.working_dir, merged=True)
        except DeadlineExceeded:
            message = f"the script did not end within {args.timeout:g} s"
            raise Refused(500, message, output=message, error="", returncode=-1) from None
        return as_json({**_outcome(result), "status": _status(result)})

    async def _verify(self, verification: Verification) -> bool:
        """Raises DeskswarmError where the desktop cannot be asked."""
        if (title := verification.window_exists) is not None:
            windows = await self._desktop.windows()
            if not any(title.lower() in window.title.lower() for window in windows):
                return False
        if (command := verification.command_success) is None:
            return True
        check = Execute(command=command, shell=isinstance(command, str))
        return (await self._desktop.exec(check.argv)).exit_code == 0

    async def _run_script(
        self, program: str, text: str, timeout: float, folder: str | None = None, *, merged: bool = False
    ) -> ExecResult:
        """As a file, for a script may be longer than an argument can be, or read its standard input."""
        path = f"/tmp/osworld-{secrets.token_hex(8)}"
        await self._desktop.files.write(path, text.encode(errors="replace"))
        try:
            command = ["sh", "-c", 'exec "$@" 2>&1', "sh"] if merged else []
            return await self._desktop.exec([*command, program, path], cwd=folder, timeout=timeout)
        finally:
            with anyio.CancelScope(shield=True):
                await self._desktop.files.remove(path)


def split(command: str) -> list[str]:
    """Raises Refused where quotes do not match, or there is nothing."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Refused(500, f"command: {error}") from None
    if not words:
        raise Refused(500, "command: is empty")
    return words


def _outcome(result: ExecResult) -> Mapping[str, object]:
    """As OSWorld has it; `truncated` only where it is so."""
    return {
        "status": "success",
        "output": result.stdout.decode(errors="replace"),
        "error": result.stderr.decode(errors="replace"),
        "returncode": result.exit_code,
        **({"truncated": True} if result.truncated else {}),
    }


def _status(result: ExecResult) -> str:
    return "success" if result.exit_code == 0 else "error"
