"""`scripts/bench NAME`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from runner.bench.benchmarks import BENCHMARKS
from runner.bench.figures import Figure
from runner.bench.report import print_json, print_table
from runner.bench.request import Benchmark, Request
from runner.cli.exit_codes import code_of_error
from runner.cli.signals import run_interruptibly
from sandboxes.errors import InputError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(BENCHMARKS)}.")],
    backend: Annotated[str | None, typer.Option(help="Kind of isolation.")] = None,
    runs: Annotated[
        int | None, typer.Option(min=1, help="Plans of `coordination`, kills of `survival`.")
    ] = None,
    tasks: Annotated[int | None, typer.Option(min=20, max=100_000, help="Tasks of `scale`.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only see that it works; measure nothing.")] = False,
) -> None:
    """Measure what desktops cost and what coordination is worth, beside plain baselines in the same run."""
    if name not in BENCHMARKS:
        raise InputError(f"{name!r} is no benchmark; there are: {', '.join(BENCHMARKS)}")
    request = Request(quick, backend, runs, tasks)
    _check(name, BENCHMARKS[name], request)
    figures = run_interruptibly(lambda: _measure(BENCHMARKS[name], request))
    (print_json if json else print_table)(figures)


def _check(name: str, benchmark: Benchmark, request: Request) -> None:
    for option in ("backend", "runs", "tasks"):
        if getattr(request, option) is not None and option not in benchmark.takes:
            raise InputError(f"--{option}: `{name}` has no such option")


async def _measure(benchmark: Benchmark, request: Request) -> list[Figure]:
    return [figure async for figure in benchmark.measure(request, _tell)]


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
