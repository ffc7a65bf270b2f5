"""The validator: rules on what an attempt left behind. Nothing goes on to another agent without it.

First what every output must be, then its schema, then the checks and, where all that has passed, the judges.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.artifacts import Sha256, sha256
from runner.checks.evidence import Ran
from runner.checks.judge import judge
from runner.checks.result import CheckResult
from runner.checks.spec import Check
from runner.contracts import Known, Taken, faults
from runner.events import Finding, Recorder, VerdictGiven
from runner.judges import JudgeError, Opinion, ask_panel, weigh
from runner.osworld.spec import SUBJECT
from runner.osworld.trial import Trial
from runner.outcome import EVALUATOR, must_answer
from runner.schemas import judge_schema
from runner.spec import Output as OutputSpec
from runner.spec import Task
from sandboxes.desktop import Desktop
from sandboxes.errors import FileError
from sandboxes.guest.protocol import Window
from sandboxes.observation import UiTree


@dataclass(frozen=True, slots=True)
class Output:
    """An output as it was taken from the desktop."""

    path: str
    content: Taken


@dataclass(frozen=True, slots=True)
class DesktopEvidence:
    """What checks look at: the outputs exactly as they were kept, and for the rest the living desktop."""

    desktop: Desktop
    folder: Path
    outputs: Mapping[str, Output]
    known: Known = field(default_factory=Known)
    trial: Trial | None = None

    async def read(self, path: str, max_bytes: int) -> bytes | None:
        for output in self.outputs.values():
            if same_path(output.path, path):
                return _content(output, max_bytes)
        with must_answer(self.desktop):
            if not await self.desktop.files.exists(path):
                return None
            return await self.desktop.files.read(path, max_bytes=max_bytes)

    async def run(self, argv: Sequence[str], timeout: float) -> Ran:
        result = await self.desktop.exec(argv, timeout=timeout)
        return Ran(result.exit_code, result.stdout)

    async def tree(self) -> UiTree:
        with must_answer(self.desktop):
            return await self.desktop.ui_tree()

    async def windows(self) -> Sequence[Window]:
        with must_answer(self.desktop):
            return await self.desktop.windows()

    @property
    def digests(self) -> dict[str, Sha256]:
        """The outputs that are there, by hash."""
        return {
            name: sha256(output.content)
            for name, output in self.outputs.items()
            if isinstance(output.content, bytes)
        }


async def validate(task: Task, attempt: int, evidence: DesktopEvidence, record: Recorder) -> VerdictGiven:
    """Rule on an attempt. What the judges say is journaled here; the verdict is the caller's to journal.

    All outputs and checks are ruled on, whatever the first ones say. Raises InfraError, also for a judge
    that gives no opinion.
    """
    findings = [
        *await _rule_on_outputs(task, evidence),
        *await _rule_on_checks(task, evidence),
        *await _rule_by_osworld(evidence),
    ]
    verdict = VerdictGiven(
        task=task.id,
        attempt=attempt,
        passed=all(finding.ok for finding in findings),
        findings=tuple(findings),
        outputs=evidence.digests,
    )
    if not verdict.passed or task.judges is None:
        return verdict
    opinions = await _hear_judges(task, verdict, evidence, record)
    passed, conflict = weigh(task.judges.require, opinions)
    found = tuple(_finding(opinion) for opinion in opinions)
    return verdict.model_copy(
        update={"passed": passed, "conflict": conflict, "findings": verdict.findings + found}
    )


async def _hear_judges(
    task: Task, verdict: VerdictGiven, evidence: DesktopEvidence, record: Recorder
) -> list[Opinion]:
    """Raises JudgeError for the first judge that says nothing, once what the others said is journaled."""
    contents = {name: out.content for name, out in evidence.outputs.items() if isinstance(out.content, bytes)}
    answers = await ask_panel(task, verdict, contents, evidence.folder)
    opinions = [answer for answer in answers if isinstance(answer, Opinion)]
    for opinion in opinions:
        await record(_as_verdict(verdict, opinion))
    for answer in answers:
        if isinstance(answer, JudgeError):
            raise answer
    return opinions


async def _rule_on_outputs(task: Task, evidence: DesktopEvidence) -> list[Finding]:
    findings = []
    for name, output in evidence.outputs.items():
        findings += await _rule_on_output(name, task.outputs[name], output.content, evidence)
    return findings


async def _rule_on_output(
    name: str, spec: OutputSpec, taken: Taken, evidence: DesktopEvidence
) -> list[Finding]:
    subject = f"output {name}"
    found = [
        Finding(subject=subject, output=name, ok=False, cause=fault.cause, detail=fault.detail)
        for fault in faults(name, spec, taken, evidence.known)
    ]
    if found or isinstance(taken, FileError):
        return found
    size = len(taken)
    whole = Finding(
        subject=subject, output=name, ok=True, detail=f"{spec.path}: {size} bytes", facts={"bytes": size}
    )
    if spec.schema_ is None:
        return [whole]
    result = await judge_schema(spec.schema_, spec.path, taken, evidence)
    return [whole, _result(f"{subject}: schema", name, "schema", result)]


async def _rule_on_checks(task: Task, evidence: DesktopEvidence) -> list[Finding]:
    return [
        _result(
            f"check {number}: {check.check}", _read_by(check, evidence), "check", await judge(check, evidence)
        )
        for number, check in enumerate(task.checks)
    ]


async def _rule_by_osworld(evidence: DesktopEvidence) -> list[Finding]:
    if evidence.trial is None:
        return []
    return [_result(SUBJECT, "", "check", await evidence.trial.evaluate())]


def _read_by(check: Check, evidence: DesktopEvidence) -> str:
    """The name of the output that a check reads; empty where it reads something else."""
    path: str | None = getattr(check, "path", None)
    if path is None:
        return ""
    return next((name for name, output in evidence.outputs.items() if same_path(output.path, path)), "")


def _result(subject: str, output: str, cause: str, result: CheckResult) -> Finding:
    return Finding(
        subject=subject,
        output=output,
        ok=result.ok,
        cause="" if result.ok else EVALUATOR if result.broken else cause,
        detail=result.detail,
        facts=result.facts,
    )


def _as_verdict(verdict: VerdictGiven, opinion: Opinion) -> VerdictGiven:
    return verdict.model_copy(
        update={
            "judge": opinion.judge,
            "passed": opinion.passed,
            "findings": (_finding(opinion),),
            "usage": opinion.usage,
        }
    )


def _finding(opinion: Opinion) -> Finding:
    return Finding(
        subject=f"judge {opinion.judge}",
        ok=opinion.passed,
        cause="" if opinion.passed else "judge",
        detail=opinion.reason,
        facts=opinion.facts,
    )


def same_path(one: str, other: str) -> bool:
    return posixpath.normpath(one) == posixpath.normpath(other)


def _content(output: Output, max_bytes: int) -> bytes | None:
    if isinstance(output.content, FileError):
        return None
    if len(output.content) > max_bytes:
        raise FileError(f"{output.path}: {len(output.content)} bytes are over the limit of {max_bytes}")
    return output.content
