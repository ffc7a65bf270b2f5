"""`deskswarm doctor`."""

from __future__ import annotations

from runner.cli.exit_codes import INFRASTRUCTURE, SUCCEEDED
from runner.cli.signals import run_interruptibly
from sandboxes.doctor import Finding, examine
from sandboxes.home import find_home


def print_findings() -> int:
    """The exit code: infrastructure fails where no backend works."""
    home = find_home()
    findings = run_interruptibly(lambda: examine(home))
    for finding in findings:
        _print(finding)
    works = any(finding.works and finding.subject.startswith("backend ") for finding in findings)
    return SUCCEEDED if works else INFRASTRUCTURE


def _print(finding: Finding) -> None:
    print(f"{'ok  ' if finding.works else 'FAIL'}  {finding.subject}: {finding.detail}")
    if finding.fix:
        print(f"      fix: {finding.fix}")
