"""A report as one self-contained page: bars with their intervals, and what each task took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from runner.suites.report import Comparison, Report
from runner.suites.words import comparison_lines, percent, report_lines

_LABELS, _BAR, _ROW = 220, 360, 26
_PLOT_WIDTH, _PLOT_HEIGHT, _MARGIN = 560, 240, 40
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2530; --paper: #fff; --soft: #8894a3;
  --bar: #3b7dd8; --bad: #c8443c }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --paper: #12171d; --soft: #75808d } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: var(--ink); background: var(--paper) }
svg { max-width: 100%; height: auto } text { fill: currentColor; font-size: 13px }
.bar { fill: var(--bar) } .line { stroke: var(--ink); stroke-width: 2 } .axis { stroke: var(--soft) }
.passed { fill: var(--bar) } .failed { fill: var(--bad) }
pre { white-space: pre-wrap } table { border-collapse: collapse }
td, th { padding: .15rem .8rem .15rem 0; text-align: left }
"""


def report_page(reports: Sequence[Report], comparison: Comparison | None) -> str:
    body = "".join(_section(report) for report in reports)
    if comparison is not None:
        body = f"<h2>Compared</h2><pre>{escape(chr(10).join(comparison_lines(comparison)))}</pre>{body}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width"><title>Benchmark</title>'
        f"<style>{_STYLE}</style></head><body><h1>Benchmark</h1>{body}</body></html>"
    )


def _section(report: Report) -> str:
    lines = escape("\n".join(report_lines(report)))
    return (
        f"<h2>{escape(report.suite)}: {escape(report.agent or report.run)}</h2>"
        f"{_bars(report)}{_scatter(report)}{_table(report)}"
        f"<details><summary>As text</summary><pre>{lines}</pre></details>"
    )


def _bars(report: Report) -> str:
    """The score of all and of each group, each with its interval."""
    rows = [("all", report.score, report.interval)]
    rows += [(f"{group.label} {group.value}", group.score, group.interval) for group in report.groups]
    height = _ROW * len(rows)
    drawn = "".join(
        _bar(number * _ROW, name, score, interval) for number, (name, score, interval) in enumerate(rows)
    )
    return _svg(_LABELS + _BAR + 170, height, "Scores with 95 % intervals", drawn)


def _bar(top: int, name: str, score: float | None, interval: tuple[float, float]) -> str:
    width = _BAR * (score or 0)
    left, right = (_LABELS + _BAR * end for end in interval)
    middle = top + _ROW / 2
    return (
        f'<text x="{_LABELS - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="bar" x="{_LABELS}" y="{top + 5}" width="{width:.1f}" height="{_ROW - 10}"/>'
        f'<line class="line" x1="{left:.1f}" x2="{right:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text x="{_LABELS + _BAR + 10}" y="{middle + 4}">{percent(score, interval)}</text>'
    )


def _scatter(report: Report) -> str:
    """Steps against seconds, one dot an attempt with a score."""
    dots = [
        (one.steps, one.wall_s, one.outcome, task.id)
        for task in report.tasks
        for one in task.attempts
        if one.outcome != "not_scored" and one.wall_s is not None
    ]
    if not dots:
        return ""
    most_steps, most_s = max(1, *(dot[0] for dot in dots)), max(1.0, *(dot[1] for dot in dots))
    drawn = [
        f'<circle class="{outcome}" r="4" '
        f'cx="{_MARGIN + (_PLOT_WIDTH - 2 * _MARGIN) * steps / most_steps:.1f}" '
        f'cy="{_PLOT_HEIGHT - _MARGIN - (_PLOT_HEIGHT - 2 * _MARGIN) * wall_s / most_s:.1f}">'
        f"<title>{escape(name)}: {steps} steps, {wall_s:.1f} s, {outcome}</title></circle>"
        for steps, wall_s, outcome, name in dots
    ]
    return _svg(
        _PLOT_WIDTH, _PLOT_HEIGHT, "Steps and seconds of each attempt", _axes(most_steps, most_s), *drawn
    )


def _axes(most_steps: int, most_s: float) -> str:
    bottom, right = _PLOT_HEIGHT - _MARGIN, _PLOT_WIDTH - _MARGIN
    return (
        f'<line class="axis" x1="{_MARGIN}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
        f'<line class="axis" x1="{_MARGIN}" x2="{_MARGIN}" y1="{_MARGIN}" y2="{bottom}"/>'
        f'<text x="{right}" y="{bottom + 20}" text-anchor="end">{most_steps} steps</text>'
        f'<text x="{_MARGIN}" y="{_MARGIN - 10}">{most_s:.0f} s</text>'
    )


def _table(report: Report) -> str:
    rows = "".join(
        _row("td", (task.id, task.outcome, "" if task.score is None else f"{task.score:.2f}", task.cause))
        for task in report.tasks
    )
    head = _row("th", ("task", "outcome", "score", "cause"))
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _row(cell: str, values: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{escape(value)}</{cell}>" for value in values) + "</tr>"


def _svg(width: int, height: int, name: str, *parts: str) -> str:
    inside = "".join(parts)
    return (
        f'<svg role="img" aria-label="{name}" viewBox="0 0 {width} {height}" width="{width}">{inside}</svg>'
    )
