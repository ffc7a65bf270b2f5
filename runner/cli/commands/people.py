"""What waits for people: questions, dead letters, locks."""

from __future__ import annotations

from typing import Annotated

import typer

from runner.cli.root import Json, Run, TaskId, app, ask, dead_letters


@app.command()
def locks(run: Run) -> None:
    """Show who holds what of the things outside that tasks share."""
    from runner.cli.locks import list_locks

    list_locks(run)


SomeRun = Annotated[str | None, typer.Argument(metavar="[RUN]", help="Only this run's.")]


QuestionId = Annotated[
    str, typer.Argument(metavar="QUESTION", help="As `ask ls` shows it, or the task that has only one.")
]


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
