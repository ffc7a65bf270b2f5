"""A report as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from runner.suites.numbers import Spread
from runner.suites.report import Comparison, Interval, Report

_UNITS = {"steps": "steps", "seconds": "s", "tokens": "tokens", "dollars": "US dollars"}


def report_lines(report: Report) -> Iterator[str]:
    yield f"{report.run}  {report.suite}  agent {report.agent or 'of each task'}"
    yield f"score {percent(report.score, report.interval)}, the mean of {report.average_over}"
    for k in sorted(report.pass_at)[1:]:
        yield f"pass@{k} {report.pass_at[k]:.1%}  pass^{k} {report.pass_hat[k]:.1%}"
    if report.flaky:
        yield f"flaky: {', '.join(report.flaky)}"
    for group in report.groups:
        share = f"{group.scored} of {group.tasks} tasks"
        yield f"  {group.label} {group.value}: {percent(group.score, group.interval)}, {share}"
    for name, spread in report.spreads.items():
        if spread.total:
            yield f"{name} of an attempt: {_amounts(spread)}; all {spread.total:.6g} {_UNITS[name]}"
    for part, spread in report.latency.items():
        yield f"{part} of a step: {_amounts(spread)} s"
    for task in report.tasks:
        if task.outcome != "passed":
            last = task.attempts[-1].reason if task.attempts else task.reason
            yield f"{task.outcome}  {task.id}  {': '.join(filter(None, (task.cause, last)))}"


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    first, second = comparison.scores
    yield f"{comparison.runs[0]} {first:.1%}, {comparison.runs[1]} {second:.1%}: {second - first:+.1%}"
    yield f"over {comparison.pairs} tasks that both have scored; p = {comparison.p:.3g} (paired permutation)"
    for one in comparison.differing:
        yield f"  {one.task}: {one.scores[0]:.2f} against {one.scores[1]:.2f}"
    if comparison.unpaired:
        yield f"scored in one only: {', '.join(comparison.unpaired)}"


def percent(score: float | None, interval: Interval) -> str:
    if score is None:
        return "none"
    return f"{score:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"


def _amounts(spread: Spread) -> str:
    return f"median {spread.median:.4g}, 10-90 % {spread.p10:.4g} to {spread.p90:.4g}"
