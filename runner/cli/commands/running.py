"""Running swarms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.root import Run, app


@app.command()
def run(
    swarm: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A swarm file, or a bundled swarm.")],
    backend: Annotated[str | None, typer.Option(help="Kind of isolation; default: bubblewrap.")] = None,
    parallel: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Tasks at once; default: as the swarm says.")
    ] = None,
    max_desktops: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Desktops at once, warm ones too; default: what fits."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Also do again what an earlier run has done just so.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Run a swarm to its end."""
    from runner.cli.run import run_swarm_file

    raise typer.Exit(run_swarm_file(swarm, backend, parallel, max_desktops, fresh, json))


@app.command()
def plan(
    swarm: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A swarm file, or a bundled swarm.")],
    svg: Annotated[
        Path | None, typer.Option(metavar="OUT.svg", help="Also draw it: the file to write.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as one JSON object.")] = False,
) -> None:
    """Print what would be run: every task, what it waits for, and what is validated in between."""
    from runner.cli.plan import print_plan

    print_plan(swarm, svg, json)


@app.command()
def lint(
    swarm: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A swarm file, or a bundled swarm.")],
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
) -> None:
    """Judge a plan before it costs anything."""
    from runner.cli.lint import lint_file

    raise typer.Exit(lint_file(swarm, json))


@app.command()
def drill(
    swarm: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A swarm file, or a bundled swarm.")],
    backend: Annotated[
        str, typer.Option(help="Kind of isolation; default: simulated desktops.")
    ] = "simulated",
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
) -> None:
    """Run a plan with faults injected, one to a run, and tell what caught each."""
    from runner.cli.drill import drill_file

    raise typer.Exit(drill_file(swarm, backend, json))


@app.command()
def resume(
    run: Run,
    parallel: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Desktops at once; default: as the swarm says.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Carry a run on whose controller died: what is finished stays, the rest is done."""
    from runner.cli.run import resume as carry_on

    raise typer.Exit(carry_on(run, parallel, json))
