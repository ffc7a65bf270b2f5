"""`deskswarm lint`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from runner.cli.exit_codes import LINT_ERRORS, SUCCEEDED
from runner.errors import format_loc
from runner.lint import lint, subject_of
from runner.lint.context import Estimate, estimate
from runner.lint.finding import Finding
from runner.load import LoadedSwarm, load_swarm


def lint_file(source: str, as_json: bool) -> int:
    """The exit code: LINT_ERRORS where one of the findings is an error. Raises InputError."""
    loaded = load_swarm(source)
    subject = subject_of(loaded.swarm, loaded.folder)
    findings, cost = lint(subject), estimate(subject)
    if as_json:
        print(
            json.dumps({"findings": [_row(loaded, one) for one in findings], "estimate": cost.model_dump()})
        )
    else:
        _print(loaded, findings, cost)
    return LINT_ERRORS if any(one.severity == "error" for one in findings) else SUCCEEDED


def _row(loaded: LoadedSwarm, finding: Finding) -> dict[str, Any]:
    line, column = loaded.mark(finding.loc)
    place = {"place": format_loc(finding.loc), "line": line, "column": column}
    return {**place, **{key: value for key, value in asdict(finding).items() if key != "loc"}}


def _print(loaded: LoadedSwarm, findings: list[Finding], cost: Estimate) -> None:
    for one in findings:
        marks = (str(mark) for mark in loaded.mark(one.loc) if mark is not None)
        where = ":".join([loaded.source.name, *marks])
        print(
            f"{where}: {one.severity}: {one.rule}: {format_loc(one.loc)}: {one.message}\n    fix: {one.fix}"
        )
    counts = Counter(one.severity for one in findings)
    print(f"errors: {counts['error']}, warnings: {counts['warning']}, advice: {counts['advice']}")
    if cost.model_tasks:
        _print_cost(cost)


def _print_cost(cost: Estimate) -> None:
    print(
        f"estimate: {cost.model_tasks} tasks ask a model, {cost.tokens:,} tokens, ${cost.dollars:.2f}; "
        f"{cost.handed_on:,} tokens handed on, {cost.handed_on_with_history:,} if every agent passed on its "
        f"history (briefs save {cost.saved_by_briefs:.0%})"
    )
    for assumption in cost.assumptions:
        print(f"  assumed: {assumption}")
