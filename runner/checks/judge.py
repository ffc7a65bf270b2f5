"""Rule on a task's work: gather what a check looks at, and have it judged.

Files are judged in a worker process, under a deadline and a limit of memory: they come from the desktop,
and a pattern that never ends or an archive that unpacks without end must cost a failed check, no more.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from anyio import move_on_after, run_process, to_process

from runner.checks import spec
from runner.checks.evidence import Evidence
from runner.checks.miniwob import judge_miniwob
from runner.checks.python import Files
from runner.checks.result import CheckResult, NotReadable, broken, failed, passed
from runner.checks.text import decode, judge_text
from runner.checks.tree import judge_tree
from runner.local_files import MAX_FILE_BYTES, local_file
from sandboxes.errors import DeadlineExceeded, GuestError

DEADLINE_S = 60.0
QUICK_BYTES = 64 << 10
_WORKER = [sys.executable, "-m", "runner.checks.worker"]


async def judge(check: spec.Check, evidence: Evidence) -> CheckResult:
    """Whether the desktop passes a check.

    Nothing a desktop produced makes this raise. InfraError and StaleLease do pass through, since they say
    nothing about the agent's work, and InputError where a file beside the swarm file has gone.
    """
    try:
        return await _judge(check, evidence)
    except DeadlineExceeded as error:
        return failed(f"expected an answer in time: {error}")
    except GuestError as error:
        return failed(str(error))


async def _judge(check: spec.Check, evidence: Evidence) -> CheckResult:
    match check:
        case spec.Tree():
            return judge_tree(check, await evidence.tree())
        case spec.MiniWob():
            return judge_miniwob(check, await evidence.windows())
        case spec.Command():
            return await _judge_command(check, evidence)
        case spec.Python():
            files = {path: await evidence.read(path, MAX_FILE_BYTES) for path in check.paths}
            module = local_file(evidence.folder, check.function.rpartition(":")[0])
            return await _in_worker(check, files, module, check.timeout)
    data = await evidence.read(check.path, MAX_FILE_BYTES)
    if data is None:
        return failed(f"{check.path}: expected a file, found none")
    if isinstance(check, spec.FileExists):
        return _judge_size(check, len(data))
    if isinstance(check, spec.TextCheck) and check.matches is None and len(data) <= QUICK_BYTES:
        return _judge_here(check, data)
    return await _in_worker(check, {check.path: data}, _local(check, evidence.folder), DEADLINE_S)


def _judge_here(check: spec.TextCheck, data: bytes) -> CheckResult:
    """A process costs a third of a second; to look for words in a short text can neither hang nor grow."""
    try:
        return judge_text(check, decode(data))
    except NotReadable as error:
        return failed(f"{check.path}: {error}")


def _local(check: spec.Check, folder: Path) -> Path | None:
    """What a check needs of the swarm's folder: an image to compare with, or all of it to import from."""
    match check:
        case spec.Image():
            return local_file(folder, check.like)
        case spec.PydanticCheck():
            return folder
    return None


def _judge_size(check: spec.FileExists, size: int) -> CheckResult:
    if size < check.min_bytes:
        return failed(f"{check.path}: expected {check.min_bytes} bytes or more, found {size}", bytes=size)
    return passed(f"{check.path}: {size} bytes", bytes=size)


async def _judge_command(check: spec.Command, evidence: Evidence) -> CheckResult:
    ran = await evidence.run(check.argv, check.timeout)
    if ran.exit_code != check.exit_code:
        said = ran.stdout[-200:].decode(errors="replace").strip()
        return failed(
            f"{check.argv[0]}: expected exit code {check.exit_code}, found {ran.exit_code}: {said}",
            exit_code=ran.exit_code,
        )
    if not check.asks:
        return passed(f"{check.argv[0]}: exit code {ran.exit_code}", exit_code=ran.exit_code)
    return await _in_worker(check, {"": ran.stdout}, None, DEADLINE_S)


async def _in_worker(check: spec.Check, files: Files, local: Path | None, deadline: float) -> CheckResult:
    """Judge in a process that is killed at the deadline, which starts when a processor is free for it."""
    case = pickle.dumps((check, files, local))
    async with to_process.current_default_process_limiter():
        with move_on_after(deadline):
            ran = await run_process(_WORKER, input=case, check=False)
            if ran.returncode != 0:
                said = ran.stderr[-200:].decode(errors="replace").strip()
                return _no_ruling(
                    check,
                    f"expected a ruling, but the process that judges died: {said or 'is the file hostile?'}",
                )
            return CheckResult.model_validate_json(ran.stdout)
    return _no_ruling(
        check, f"expected a ruling within {deadline:g} s; the file, or the pattern on it, takes longer"
    )


def _no_ruling(check: spec.Check, detail: str) -> CheckResult:
    """A function of the user's is to blame itself; our readers can only be held up by what they read."""
    return broken(detail) if isinstance(check, spec.Python) else failed(detail)
