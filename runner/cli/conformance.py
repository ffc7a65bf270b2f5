"""`deskswarm conformance`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

from runner.cli.exit_codes import SUCCEEDED, TASK_FAILED
from runner.cli.output import duration, one_line
from runner.cli.signals import run_interruptibly
from sandboxes.conformance.suite import Result, run_suite
from sandboxes.home import find_home
from sandboxes.host import Host


def run_conformance(backend: str, only: list[str], as_json: bool) -> int:
    """0 where nothing failed, 1 where something did."""
    results = run_interruptibly(lambda: _run(backend, only, as_json))
    counts = Counter(result.status for result in results)
    if as_json:
        print(json.dumps({"backend": backend, "results": [asdict(result) for result in results]}))
    else:
        print(f"{backend}: {counts['passed']} passed, {counts['skipped']} skipped, {counts['failed']} failed")
    return TASK_FAILED if counts["failed"] else SUCCEEDED


async def _run(backend: str, only: list[str], as_json: bool) -> list[Result]:
    async with Host(find_home()) as host:
        return await run_suite(host, backend, only=only, on_result=_ignore if as_json else _print)


def _print(result: Result) -> None:
    status = {"passed": "ok  ", "skipped": "skip", "failed": "FAIL"}[result.status]
    print(f"{status}  {result.group}: {result.check}  ({duration(result.seconds)})", flush=True)
    print(f"      {one_line(result.evidence, 400)}", flush=True)


def _ignore(_: Result) -> None:
    return
