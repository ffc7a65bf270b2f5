"""Figures for people, and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from runner.bench.figures import Figure, Report

_WIDEST = 500


def print_json(figures: Sequence[Figure]) -> None:
    print(Report(figures=tuple(figures)).model_dump_json(indent=2))


def print_table(figures: Sequence[Figure]) -> None:
    """As wide as it has to be: nothing is ever cut."""
    table = Table()
    for heading in ("figure", "unit"):
        table.add_column(heading)
    for heading in ("ours", "baseline", "ratio"):
        table.add_column(heading, justify="right")
    for heading in ("goal", "met"):
        table.add_column(heading)
    for figure in figures:
        table.add_row(*_cells(figure))
    console = Console()
    unbounded = console.options.update_width(_WIDEST)
    console.width = max(console.width, console.measure(table, options=unbounded).maximum)
    console.print(table)


def _cells(figure: Figure) -> tuple[str, ...]:
    ratio = "-" if figure.ratio is None else f"{figure.ratio:g}x"
    met = {None: "-", True: "[green]yes[/]", False: "[red]no[/]"}[figure.met]
    baseline = _number(figure.baseline)
    return figure.name, figure.unit, _number(figure.ours), baseline, ratio, figure.goal or "-", met


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"
