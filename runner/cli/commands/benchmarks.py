"""Scoring agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.root import Json, Run, bench, osworld

Tasks = Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")]
Parallel = Annotated[int | None, typer.Option(min=1, max=4096, help="Desktops at once.")]
Backend = Annotated[str | None, typer.Option(help="Kind of isolation; default: bubblewrap.")]


@bench.command("run")
def bench_run(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="A swarm file, or a bundled suite.")],
    agent: Annotated[
        str, typer.Option(help="`oracle`, `null`, one of the suite's agents, or a file with an `agent`.")
    ],
    task: Tasks = None,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="How often each task is tried.")] = 1,
    parallel: Parallel = None,
    backend: Backend = None,
    json: Json = False,
) -> None:
    """Give every task of a suite to an agent, and score it. `bench SUITE` is short for it."""
    from runner.cli.bench import Options, run_suite

    options = Options(agent, repeat, parallel, backend, json)
    raise typer.Exit(run_suite(suite, task or [], options))


@bench.command("osworld")
def bench_osworld(
    tasks: Annotated[Path, typer.Option(metavar="FOLDER", help="OSWorld's task files, as DOMAIN/ID.json.")],
    agent: Annotated[
        str, typer.Option(help="`null`, a file with an `agent`, or a folder of them, ID.yaml for each task.")
    ],
    domain: Annotated[str | None, typer.Option(help="Only the tasks of this folder in FOLDER.")] = None,
    name: Annotated[str | None, typer.Option("--id", help="Only the task whose id begins so.")] = None,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="How often each task is tried.")] = 1,
    parallel: Parallel = None,
    backend: Backend = None,
    json: Json = False,
) -> None:
    """Give OSWorld's own tasks to an agent, and score it with OSWorld's evaluators."""
    from runner.cli.bench import Options
    from runner.cli.bench_osworld import run_osworld

    options = Options(agent, repeat, parallel, backend, json)
    raise typer.Exit(run_osworld(tasks, domain, name, options))


@bench.command("resume")
def bench_resume(
    run: Run,
    unscored: Annotated[bool, typer.Option("--unscored", help="Try again what has no score.")] = False,
    parallel: Parallel = None,
    json: Json = False,
) -> None:
    """Carry on a benchmark whose controller died, or what of it has no score."""
    from runner.cli.bench import resume_suite

    raise typer.Exit(resume_suite(run, parallel, unscored, json))


@bench.command("report")
def bench_report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs; two are compared.")],
    html: Annotated[Path | None, typer.Option(metavar="OUT", help="Also write it as a page.")] = None,
    json: Json = False,
) -> None:
    """Tell what benchmarks came to, from their journals."""
    from runner.cli.bench import print_reports

    print_reports(runs, html, json)


@bench.command("miniwob")
def bench_miniwob(
    agent: Annotated[str, typer.Option(help="`oracle`, `null`, or a file with an `agent`.")],
    task: Tasks = None,
    ids: Annotated[Path | None, typer.Option(metavar="FILE", help="Only those listed in a file.")] = None,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="Episodes of each task.")] = 1,
    parallel: Parallel = None,
    backend: Backend = None,
    json: Json = False,
) -> None:
    """Give the tasks of MiniWoB++ to an agent; the reward is that of the page itself."""
    from runner.cli.bench import Options
    from runner.cli.miniwob import run_miniwob

    options = Options(agent, repeat, parallel, backend, json)
    raise typer.Exit(run_miniwob(task or [], ids, options))


@bench.command("setup")
def bench_setup(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="`osworld` or `miniwob`.")],
) -> None:
    """Make the environment that a benchmark's own code runs in, apart from deskswarm's. Prints its Python."""
    from runner.cli.bench_setup import set_up_suite

    set_up_suite(suite)


@osworld.command("serve")
def osworld_serve(
    backend: Annotated[str, typer.Option(help="Kind of isolation.")] = "bubblewrap",
    count: Annotated[int, typer.Option(min=1, max=1000, help="Desktops, each with an address.")] = 1,
    image: Annotated[str, typer.Option(help="What they are made from.")] = "desktop",
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let every program of this machine use them.")
    ] = False,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="End with standard input, too: with whoever started it.")
    ] = False,
) -> None:
    """Start desktops that answer OSWorld's guest protocol, and print their addresses. Until a signal."""
    from runner.cli.osworld import serve_desktops

    serve_desktops(backend, count, image, no_token, until_eof)
