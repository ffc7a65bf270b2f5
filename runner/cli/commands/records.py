"""What was recorded of runs: told, shown, done again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.root import Run, app


@app.command()
def why(run: Run, task: Annotated[str, typer.Argument(metavar="TASK", help="A task's id.")]) -> None:
    """Tell why a task came out as it did: every decision about it, from plan to final verdict."""
    from runner.cli.why import print_why

    print_why(run, task)


@app.command()
def trace(
    run: Run,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; default: standard output.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="The OTLP/HTTP endpoint to send to, instead.")
    ] = None,
) -> None:
    """Export a run as OpenTelemetry spans, as lines of OTLP JSON or to a collector."""
    from runner.cli.trace import export_trace

    export_trace(run, out, endpoint)


@app.command()
def runs() -> None:
    """List all runs, the newest first."""
    from runner.cli.runs import list_runs

    list_runs()


@app.command()
def show(
    run: Run,
    artifacts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also copy what the tasks left behind to DIR.")
    ] = None,
) -> None:
    """Tell what became of a run: tasks, attempts, verdicts and artifacts."""
    from runner.cli.show import show_run

    show_run(run, artifacts)


@app.command()
def watch(
    run: Run,
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", help="Only this task.")] = None,
    after_step: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Leave out the first N steps of each attempt.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print every event as a line of JSON.")] = False,
) -> None:
    """Follow a run, of any process, to its end; exits as `run` would."""
    from runner.cli.watch import watch_run

    raise typer.Exit(watch_run(run, task, after_step, json))


@app.command()
def replay(
    run: Run,
    html: Annotated[Path | None, typer.Option(metavar="OUT", help="The page to write.")] = None,
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", help="Only this task.")] = None,
    against: Annotated[
        str | None, typer.Option(metavar="RUN", help="Another run, to be shown side by side.")
    ] = None,
    execute: Annotated[
        bool, typer.Option("--execute", help="Do it again on a fresh desktop, and compare each step.")
    ] = False,
    attempt: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="With --execute: which; default: the last.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="With --execute: kind of isolation; default: the run's.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="With --execute: where to write what was found.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="With --execute: print what was found as JSON.")
    ] = False,
) -> None:
    """Write one self-contained page that shows a run step by step; or carry out a task's steps again."""
    if execute:
        from runner.cli.execute import execute_again

        raise typer.Exit(execute_again(run, task, attempt, backend, out, json))
    from runner.cli.replay import write_replay

    if html is None:
        raise typer.BadParameter("give --html OUT, or --execute")
    write_replay(run, task, html, against)


@app.command()
def view(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Open this run's page.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 0,
) -> None:
    """Show all runs in a browser, live: serve their pages on this machine's loopback."""
    from runner.cli.view import view_runs

    view_runs(run, port)


@app.command()
def branch(
    run: Run,
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task's id.")],
    at: Annotated[int, typer.Option(metavar="STEP", min=1, help="The step to go on from, as seen then.")],
    attempt: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Which attempt; default: the last.")
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Who goes on: a file with `agent:`, or `person`."),
    ] = None,
    brief: Annotated[str, typer.Option(metavar="TEXT", help="What to add to its instruction.")] = "",
    backend: Annotated[str | None, typer.Option(help="Kind of isolation; default: the run's.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to write why the step was not reached.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Go on from a recorded step, as a run of its own: with the same agent, told more, or with another."""
    from runner.cli.branch import branch_off

    raise typer.Exit(branch_off(run, task, at, attempt, agent, brief, backend, out, json))


@app.command()
def fsck(
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
) -> None:
    """Verify everything that was recorded, and say what is damaged."""
    from runner.cli.fsck import verify_store

    raise typer.Exit(verify_store(json))


@app.command()
def gc(
    json: Annotated[bool, typer.Option("--json", help="Print what was done as one JSON object.")] = False,
) -> None:
    """Free what no run names any more; runs may go on meanwhile."""
    from runner.cli.gc import collect

    collect(json)
