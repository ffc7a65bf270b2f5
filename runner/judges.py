"""Judges: somebody else's opinion of what an attempt left behind. docs/guardrails.md is the protocol.

A judge is a program or a function of the user's own, in a process to itself: it is shown a case as JSON on
its standard input, with the outputs as files, and answers with an opinion as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from anyio import run_process, to_thread
from pydantic import Field, JsonValue, ValidationError

from runner.agents.base import Usage
from runner.events import VerdictGiven
from runner.spec import Judge, Task
from sandboxes.errors import InfraError
from sandboxes.spec import Model

MAX_ANSWER_BYTES = 1 << 20
_QUOTED = 200


class JudgeError(InfraError):
    """A judge gave no opinion. That says nothing of the agent's work."""


class Answer(Model):
    """What a judge says."""

    passed: bool
    reason: str = Field(default="", max_length=20_000)
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    usage: Usage = Usage()


class Opinion(Answer):
    judge: str


async def ask_panel(
    task: Task, verdict: VerdictGiven, outputs: Mapping[str, bytes], folder: Path
) -> list[Opinion | JudgeError]:
    """Ask all judges of a task at once. What they say, or why one says nothing, in the order of the panel."""
    panel = task.judges.panel if task.judges else ()
    said: dict[str, Opinion | JudgeError] = {}
    with TemporaryDirectory(prefix="deskswarm-judges-") as shown:
        case = await to_thread.run_sync(_case, task, verdict, outputs, Path(shown))

        async def ask(judge: Judge) -> None:
            try:
                said[judge.name] = await ask_judge(judge, case, folder)
            except JudgeError as error:
                said[judge.name] = error

        async with anyio.create_task_group() as judges:
            for judge in panel:
                judges.start_soon(ask, judge)
    return [said[judge.name] for judge in panel]


async def ask_judge(judge: Judge, case: Path, folder: Path) -> Opinion:
    """`case` is a file, which a judge need not read. Raises JudgeError where no opinion comes in time."""
    with anyio.move_on_after(judge.timeout):
        try:
            # A function is imported from the folder by name; only a program is at home there.
            cwd = folder if judge.python is None else None
            with case.open("rb") as given:
                ran = await run_process(_command(judge, folder), stdin=given, check=False, cwd=cwd)
        except OSError as error:
            raise JudgeError(f"judge {judge.name} does not start: {error}") from error
        return _opinion(judge, ran)
    raise JudgeError(f"judge {judge.name}: no opinion within {judge.timeout:g} s")


def weigh(require: str, opinions: Sequence[Opinion]) -> tuple[bool, bool]:
    """Whether the opinions pass, and whether they contradict each other so that somebody must rule."""
    good = sum(opinion.passed for opinion in opinions)
    bad = len(opinions) - good
    if require == "majority":
        return good > bad, good == bad
    return bad == 0, bad > 0 and good > 0


def _command(judge: Judge, folder: Path) -> Sequence[str]:
    if judge.python is not None:
        return [sys.executable, "-m", "runner.judge_worker", judge.python, str(folder)]
    program, *arguments = judge.command or ()
    return [str(folder / program) if "/" in program else program, *arguments]


def _opinion(judge: Judge, ran: CompletedProcess[bytes]) -> Opinion:
    if ran.returncode != 0:
        said = ran.stderr[-_QUOTED:].decode(errors="replace").strip()
        raise JudgeError(f"judge {judge.name} ended with {ran.returncode}: {said}")
    if len(ran.stdout) > MAX_ANSWER_BYTES:
        raise JudgeError(f"judge {judge.name}: its answer is over {MAX_ANSWER_BYTES} bytes")
    try:
        answer = Answer.model_validate_json(ran.stdout)
    except ValidationError as error:
        said = ran.stdout[:_QUOTED].decode(errors="replace")
        raise JudgeError(
            f"judge {judge.name}: not an opinion ({error.error_count()} errors): {said!r}"
        ) from None
    return Opinion(judge=judge.name, **dict(answer))


def _case(task: Task, verdict: VerdictGiven, outputs: Mapping[str, bytes], shown: Path) -> Path:
    """The file of what a judge is shown. The outputs' files are the judges' own copies."""
    files: dict[str, Any] = {}
    (shown / "outputs").mkdir()
    for name, content in outputs.items():
        file = shown / "outputs" / name
        file.write_bytes(content)
        files[name] = {
            "path": task.outputs[name].path,
            "file": str(file),
            "bytes": len(content),
            "sha256": verdict.outputs[name],
        }
    findings = [finding.model_dump(mode="json") for finding in verdict.findings]
    case = {
        "task": task.id,
        "attempt": verdict.attempt,
        "instruction": task.instruction,
        "outputs": files,
        "findings": findings,
    }
    path = shown / "case.json"
    path.write_text(json.dumps(case))
    return path
