"""Recorded runs in other forms, and from other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.root import Run, TaskId, app, export

OneTask = Annotated[str | None, typer.Argument(metavar="[TASK]", help="Only this task.")]


Attempt = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Which attempt; default: the last that succeeded, or the last."),
]


@export.command("script")
def export_script(
    run: Run,
    task: TaskId,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where `swarm.yaml` and its files go.")],
    attempt: Attempt = None,
) -> None:
    """Write a script that does by itself what was done: a swarm file of one task."""
    from runner.cli.export import export_script as write_script

    write_script(run, task, out, attempt)


@export.command("trajectory")
def export_trajectory(
    run: Run,
    task: OneTask = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; default: standard output.")
    ] = None,
    frames: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also put what the screen showed here, as PNGs.")
    ] = None,
    trees: Annotated[bool, typer.Option("--trees", help="Also the accessibility trees, as text.")] = False,
) -> None:
    """Write a line of JSON for each step: what was seen, decided and done."""
    from runner.cli.export import export_trajectory as write_trajectory

    write_trajectory(run, task, out, frames, trees)


@export.command("zip")
def export_zip(
    run: Run,
    out: Annotated[Path, typer.Option(metavar="FILE.zip", help="The file to write.")],
) -> None:
    """Write a run with all it recorded as one file, which `import` takes in elsewhere."""
    from runner.cli.export import export_zip as write_zip

    write_zip(run, out)


@export.command("osworld")
def export_osworld(
    run: Run,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder of results.")],
    task: OneTask = None,
) -> None:
    """Write the folders in which OSWorld's tools look for results."""
    from runner.cli.export import export_osworld as write_results

    write_results(run, task, out)


@export.command("film")
def export_film(
    run: Run,
    task: TaskId,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .mp4 or .gif to write.")],
    attempt: Attempt = None,
) -> None:
    """Write a film of a session, with what the agent said and did below the picture."""
    from runner.cli.export import export_film as write_film

    write_film(run, task, out, attempt)


@app.command("import")
def import_run(
    source: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What `export zip` wrote.")],
) -> None:
    """Take in a run that was exported elsewhere, to show, replay and explain it here."""
    from runner.cli.export import import_run as take_in

    take_in(source)
