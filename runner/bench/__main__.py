"""`scripts/bench NAME`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import typer

from runner.bench.churn import churn
from runner.bench.density import density
from runner.bench.effort import FULL, QUICK, Effort
from runner.bench.figures import Figure
from runner.bench.fork import fork
from runner.bench.observe import observe
from runner.bench.report import print_json, print_table
from runner.bench.start import start
from runner.cli.exit_codes import code_of_error
from runner.cli.signals import run_interruptibly
from sandboxes.errors import InputError
from sandboxes.host import Host

Benchmark = Callable[[Host, str | None, Effort, Callable[[str], None]], AsyncIterator[Figure]]

BENCHMARKS: dict[str, Benchmark] = {
    "observe": observe,
    "start": start,
    "fork": fork,
    "density": density,
    "churn": churn,
}
"""Every benchmark by its name: a module each."""


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(BENCHMARKS)}.")],
    backend: Annotated[
        str | None, typer.Option(help="Kind of isolation; default: bubblewrap for observe, else all.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only see that it works; measure nothing.")] = False,
) -> None:
    """Measure what desktops cost, beside plain baselines in the same run."""
    if name not in BENCHMARKS:
        raise InputError(f"{name!r} is no benchmark; there are: {', '.join(BENCHMARKS)}")
    effort = QUICK if quick else FULL
    figures = run_interruptibly(lambda: _measure(BENCHMARKS[name], backend, effort))
    (print_json if json else print_table)(figures)


async def _measure(benchmark: Benchmark, backend: str | None, effort: Effort) -> list[Figure]:
    async with Host() as host:
        return [figure async for figure in benchmark(host, backend, effort, _tell)]


def _tell(note: str) -> None:
    print(f"bench: {note}", file=sys.stderr)


if __name__ == "__main__":
    try:
        app()
    except Exception as error:
        code = code_of_error(error)
        if code is None:
            raise
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(code)
