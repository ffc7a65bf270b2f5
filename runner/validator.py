"""The validator: rules on what an attempt left behind. Nothing goes on to another agent without it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.checks.evidence import Ran
from runner.checks.judge import judge
from runner.events import Finding, VerdictGiven
from runner.session import must_answer
from runner.spec import Task
from sandboxes.desktop import Desktop
from sandboxes.errors import FileError
from sandboxes.observation import UiTree


@dataclass(frozen=True, slots=True)
class Output:
    """An output as it was taken from the desktop: its content, or why there is none."""

    path: str
    content: bytes | FileError


@dataclass(frozen=True, slots=True)
class DesktopEvidence:
    """What checks look at: the outputs exactly as they were kept, and for the rest the living desktop."""

    desktop: Desktop
    folder: Path
    outputs: Mapping[str, Output]

    async def read(self, path: str, max_bytes: int) -> bytes | None:
        for output in self.outputs.values():
            if posixpath.normpath(output.path) == posixpath.normpath(path):
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


async def validate(task: Task, attempt: int, evidence: DesktopEvidence) -> VerdictGiven:
    """Rule on each output and each check, on all of them whatever the first ones say. Raises InfraError."""
    findings = [_rule_on_output(name, output) for name, output in evidence.outputs.items()]
    for number, check in enumerate(task.checks):
        result = await judge(check, evidence)
        subject = f"check {number}: {check.check}"
        findings.append(Finding(subject=subject, ok=result.ok, detail=result.detail, facts=result.facts))
    passed = all(finding.ok for finding in findings)
    return VerdictGiven(task=task.id, attempt=attempt, passed=passed, findings=tuple(findings))


def _content(output: Output, max_bytes: int) -> bytes | None:
    if isinstance(output.content, FileError):
        return None
    if len(output.content) > max_bytes:
        raise FileError(f"{output.path}: {len(output.content)} bytes are over the limit of {max_bytes}")
    return output.content


def _rule_on_output(name: str, output: Output) -> Finding:
    subject = f"output {name}"
    if isinstance(output.content, FileError):
        return Finding(subject=subject, ok=False, detail=str(output.content))
    size = len(output.content)
    return Finding(subject=subject, ok=True, detail=f"{output.path}: {size} bytes", facts={"bytes": size})
