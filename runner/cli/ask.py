"""`deskswarm ask`: the questions of runs, and their answers."""

from __future__ import annotations

import json
import os
import secrets
import sys

import anyio

from runner.answering import answer, find_question
from runner.cli.journals import find_run, open_journal, read_decisions
from runner.cli.output import clock, one_line, print_table
from runner.cli.signals import run_interruptibly
from runner.coordination import Question
from runner.notify import describe
from runner.state import RunState, fold
from runner.webhook import serve

TOKEN = "DESKSWARM_WEBHOOK_TOKEN"  # the name of the variable, not a secret


def list_questions(run: str | None, every: bool, as_json: bool) -> None:
    """Those that are open; `every` one ever asked. Of all runs under way, or of one."""
    with open_journal() as journal:
        ids = [find_run(journal, run)] if run else journal.runs()
        states = [fold(journal.read(one)) for one in ids]
    found = [(state, one) for state in states for one in _questions(state, every)]
    if as_json:
        print(json.dumps([describe(state.id, one) for state, one in found]))
        return
    rows = [
        (state.id, one.id, _stage(one), one.contact.to, clock(one.deadline), one_line(one.asked.question, 80))
        for state, one in found
    ]
    print_table(("RUN", "QUESTION", "STATE", "WITH", "UNTIL", ""), rows)


def show_question(run: str, question: str, as_json: bool) -> None:
    with open_journal() as journal:
        state = read_decisions(journal, run)
    found = find_question(state, question)
    if as_json:
        print(json.dumps(describe(state.id, found)))
        return
    asked = found.asked
    print(f"{found.id}  {_stage(found)}  asked {clock(found.at)} by {asked.task}#{asked.attempt}")
    print(f"  with {found.contact.to} until {clock(found.deadline)}; then: {_then(found)}")
    print(f"\n{_safe(asked.question)}\n")
    for line in asked.context.splitlines():
        print(f"  {_safe(line)}")
    print("\nchoices: " + (", ".join(f"'{choice}'" for choice in asked.choices) or "any text"))
    if found.answer is not None:
        said = f"{_safe(found.answer.choice)}  {_safe(found.answer.note)}".rstrip()
        print(f"answered by {found.answer.by}: {said}")
    else:
        print(f"deskswarm ask answer {state.id} {found.id} CHOICE")


def answer_question(run: str, question: str, choice: str, note: str) -> None:
    with open_journal() as journal:
        given = answer(journal, find_run(journal, run), question, choice, who(), note)
    print(f"{given.task}.{given.attempt}.{given.number}: {given.choice}")


def serve_webhook(port: int) -> None:
    """Until a signal ends it. The token comes from the environment, or is made and printed once."""
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(32)

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            listening = await tasks.start(serve, journal, token, port)
            print(f"http://127.0.0.1:{listening}/answer", file=sys.stderr)
            if TOKEN not in os.environ:
                print(f"token: {token}", file=sys.stderr)

    with open_journal() as journal:
        run_interruptibly(work)


def who() -> str:
    """Who gives an answer, as the journal names them."""
    return os.environ.get("USER") or f"user {os.getuid()}"


def _questions(state: RunState, every: bool) -> list[Question]:
    questions = state.coordination.questions.values()
    return [one for one in questions if every or (one.open and state.status == "running")]


def _stage(question: Question) -> str:
    if question.answer is not None:
        return "answered"
    return "open" if question.open else "over"


def _then(question: Question) -> str:
    rest = [contact.to for contact in question.asked.path[question.level + 1 :]]
    return " -> ".join([*rest, f"'{question.asked.default}'"])


def _safe(text: str) -> str:
    return one_line(text, 2000)
