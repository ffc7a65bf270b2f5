"""The commands and their options. What each does is in a module of its own, imported when it is called:
`deskswarm --help` has to answer at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from runner.cli import exit_codes

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run swarms of computer-use agents, each on its own disposable desktop.",
)
image = typer.Typer(no_args_is_help=True, help="What desktops are made from.")
desktop = typer.Typer(no_args_is_help=True, help="Desktops that are there now.")
app.add_typer(image, name="image")
app.add_typer(desktop, name="desktop")
snapshot = typer.Typer(no_args_is_help=True, help="Saved desktops.")
app.add_typer(snapshot, name="snapshot")
ask = typer.Typer(no_args_is_help=True, help="Questions that runs put to people.")
dead_letters = typer.Typer(no_args_is_help=True, help="What failed for good.")
app.add_typer(ask, name="ask")
app.add_typer(dead_letters, name="dead-letters")
osworld = typer.Typer(no_args_is_help=True, help="Desktops for OSWorld's own client.")
app.add_typer(osworld, name="osworld")


class _SuiteByDefault(typer.core.TyperGroup):
    """`bench SUITE` is `bench run SUITE`: a first word that is no command is a suite."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["run", *args])


bench = typer.Typer(cls=_SuiteByDefault, no_args_is_help=True, help="Score an agent on a suite of tasks.")
app.add_typer(bench, name="bench")
export = typer.Typer(no_args_is_help=True, help="Recorded sessions in the forms that other tools take.")
app.add_typer(export, name="export")

Snapshot = Annotated[
    str, typer.Argument(metavar="ID", help="A snapshot's label, or the beginning of its id.")
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or `last`.")]


def main() -> None:
    """Run the command this process was started with, and exit with its code."""
    try:
        app()
    except Exception as error:
        code = exit_codes.code_of_error(error)
        if code is None:
            raise
        print(f"deskswarm: {error}", file=sys.stderr)
        sys.exit(code)


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
        Path | None,
        typer.Option(metavar="FILE", help="Who goes on: a file with `agent:`; default: the same."),
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


@app.command()
def doctor() -> None:
    """Say what works on this machine, and how to fix what does not."""
    from runner.cli.doctor import print_findings

    raise typer.Exit(print_findings())


@app.command()
def conformance(
    backend: Annotated[str, typer.Argument(metavar="BACKEND", help="A kind of isolation.")],
    only: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="Only this group of checks; may be repeated.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
) -> None:
    """Check that a backend does all that a backend must, on real desktops."""
    from runner.cli.conformance import run_conformance

    raise typer.Exit(run_conformance(backend, only or [], json))


@app.command()
def mcp(
    backend: Annotated[str | None, typer.Option(help="Kind of isolation; default: bubblewrap.")] = None,
    image: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An image it may use; may be repeated.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="What desktops may reach; may be repeated.")
    ] = None,
    root: Annotated[bool, typer.Option("--root", help="Desktops may have `sudo`.")] = False,
    desktops: Annotated[int, typer.Option(metavar="N", help="Desktops at once.")] = 2,
    steps: Annotated[int, typer.Option(metavar="N", help="Budget of each desktop.")] = 200,
    wall_s: Annotated[float, typer.Option(metavar="S", help="Budget of each desktop, in seconds.")] = 3600,
) -> None:
    """Serve desktops to the MCP client at the other end of standard input and output."""
    from runner.cli.mcp import serve_mcp

    serve_mcp(
        backend=backend,
        images=image,
        network={"allow": network} if network else None,
        root=root,
        desktops=desktops,
        steps=steps,
        wall_s=wall_s,
    )


@app.command()
def pool() -> None:
    """Say which desktops are kept warm now, and by which process."""
    from runner.cli.pool import list_warm

    list_warm()


@image.command("build")
def image_build(name: Annotated[str, typer.Argument(metavar="[NAME]", help="An image.")] = "desktop") -> None:
    """Build an image, unless it is built already."""
    from runner.cli.image import build

    build(name)


@image.command("ls")
def image_ls() -> None:
    """List the images: built, outdated, and not built yet."""
    from runner.cli.image import list_images

    list_images()


@image.command("rm")
def image_rm(name: Annotated[str, typer.Argument(metavar="NAME", help="A name, or a key.")]) -> None:
    """Remove built images."""
    from runner.cli.image import remove

    remove(name)


@desktop.command("ls")
def desktop_ls() -> None:
    """List the desktops that are there now, whoever started them."""
    from runner.cli.desktop import list_desktops

    list_desktops()


@desktop.command("rm")
def desktop_rm(
    desktop: Annotated[str, typer.Argument(metavar="ID", help="A desktop's id, or its beginning.")],
) -> None:
    """End a desktop, whoever uses it."""
    from runner.cli.desktop import remove_desktop

    remove_desktop(desktop)


@desktop.command("shot")
def desktop_shot(
    desktop: Annotated[str, typer.Argument(metavar="ID", help="A desktop's id, or its beginning.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="The file to write.")],
) -> None:
    """Save the last screenshot taken of a desktop, which may have ended since."""
    from runner.cli.desktop import save_screenshot

    save_screenshot(desktop, out)


@snapshot.command("ls")
def snapshot_ls() -> None:
    """List the snapshots, the oldest first."""
    from runner.cli.snapshot import list_snapshots

    list_snapshots()


@snapshot.command("show")
def snapshot_show(snapshot: Snapshot) -> None:
    """Print what a snapshot holds and fits, as JSON."""
    from runner.cli.snapshot import show_snapshot

    show_snapshot(snapshot)


@snapshot.command("export")
def snapshot_export(
    snapshot: Snapshot,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")],
) -> None:
    """Write a snapshot as one file, for another machine."""
    from runner.cli.snapshot import export_snapshot

    export_snapshot(snapshot, out)


@snapshot.command("import")
def snapshot_import(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.")],
) -> None:
    """Take in an exported snapshot."""
    from runner.cli.snapshot import import_snapshot

    import_snapshot(source)


@snapshot.command("rm")
def snapshot_rm(snapshot: Snapshot) -> None:
    """Remove a snapshot. Desktops restored from it go on."""
    from runner.cli.snapshot import remove_snapshot

    remove_snapshot(snapshot)


@app.command()
def locks(run: Run) -> None:
    """Show who holds what of the things outside that tasks share."""
    from runner.cli.locks import list_locks

    list_locks(run)


SomeRun = Annotated[str | None, typer.Argument(metavar="[RUN]", help="Only this run's.")]
TaskId = Annotated[str, typer.Argument(metavar="TASK", help="A task's id.")]
QuestionId = Annotated[
    str, typer.Argument(metavar="QUESTION", help="As `ask ls` shows it, or the task that has only one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@ask.command("ls")
def ask_ls(
    run: SomeRun = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are answered or over.")] = False,
    json: Json = False,
) -> None:
    """List the open questions."""
    from runner.cli.ask import list_questions

    list_questions(run, every, json)


@ask.command("show")
def ask_show(run: Run, question: QuestionId, json: Json = False) -> None:
    """Show a question with its context, its choices, its deadline and its default."""
    from runner.cli.ask import show_question

    show_question(run, question, json)


@ask.command("answer")
def ask_answer(
    run: Run,
    question: QuestionId,
    choice: Annotated[str, typer.Argument(metavar="CHOICE", help="One of the choices, or any text.")],
    note: Annotated[str, typer.Option(help="Why; kept with the answer.")] = "",
) -> None:
    """Answer a question. The first answer counts."""
    from runner.cli.ask import answer_question

    answer_question(run, question, choice, note)


@ask.command("serve")
def ask_serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 0,
) -> None:
    """Take answers as HTTP requests on this machine's loopback, from whoever has the token."""
    from runner.cli.ask import serve_webhook

    serve_webhook(port)


@dead_letters.command("ls")
def dead_letters_ls(run: SomeRun = None, json: Json = False) -> None:
    """List what failed for good."""
    from runner.cli.dead_letters import list_dead_letters

    list_dead_letters(run, json)


@dead_letters.command("show")
def dead_letters_show(run: Run, task: TaskId, json: Json = False) -> None:
    """Show one with its inputs, outputs, verdict and last checkpoints."""
    from runner.cli.dead_letters import show_dead_letter

    show_dead_letter(run, task, json)


@dead_letters.command("requeue")
def dead_letters_requeue(
    run: Run,
    task: TaskId,
    reason: Annotated[str, typer.Option(help="Kept with it.")] = "requeued",
) -> None:
    """Let it be tried again: by the controller at work on the run, or when the run is resumed."""
    from runner.cli.dead_letters import requeue_dead_letter

    requeue_dead_letter(run, task, reason)


@bench.command("run")
def bench_run(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="A swarm file, or a bundled suite.")],
    agent: Annotated[
        str, typer.Option(help="`oracle`, `null`, one of the suite's agents, or a file with an `agent`.")
    ],
    repeat: Annotated[int, typer.Option(min=1, max=100, help="How often each task is tried.")] = 1,
    parallel: Annotated[int | None, typer.Option(min=1, max=4096, help="Desktops at once.")] = None,
    backend: Annotated[str | None, typer.Option(help="Kind of isolation; default: bubblewrap.")] = None,
    json: Json = False,
) -> None:
    """Give every task of a suite to an agent, and score it. `bench SUITE` is short for it."""
    from runner.cli.bench import run_suite

    raise typer.Exit(run_suite(suite, agent, repeat, parallel, backend, json))


@bench.command("resume")
def bench_resume(
    run: Run,
    unscored: Annotated[bool, typer.Option("--unscored", help="Try again what has no score.")] = False,
    parallel: Annotated[int | None, typer.Option(min=1, max=4096, help="Desktops at once.")] = None,
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


@bench.command("setup")
def bench_setup(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="`osworld`: its client and evaluators.")],
) -> None:
    """Make the environment that a benchmark's own code runs in, apart from deskswarm's. Prints its Python."""
    from runner.cli.bench_setup import set_up_suite

    set_up_suite(suite)


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
