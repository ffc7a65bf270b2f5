"""Answers questions from another process than the controller's: an event in the journal is all it takes."""

from __future__ import annotations

from collections.abc import Iterable

from runner.coordination import Question
from runner.errors import suggest
from runner.events import Answered
from runner.journal import AlreadyHappened, Journal
from runner.state import RunState, fold
from sandboxes.errors import InputError

MAX_ANSWER = 2000


def find_question(state: RunState, text: str) -> Question:
    """The question of that id (`TASK.ATTEMPT.NUMBER`), or the only open one of that task.

    Raises InputError.
    """
    questions = {question.id: question for question in state.coordination.questions.values()}
    if text in questions:
        return questions[text]
    of_task = [one for one in questions.values() if one.open and one.asked.task == text]
    if len(of_task) == 1:
        return of_task[0]
    raise InputError(f"question: {state.id} has no question {text!r}{suggest(text, questions)}")


def answer(journal: Journal, run: str, question: str, choice: str, by: str, note: str = "") -> Answered:
    """Write an answer; a controller at work takes it up within a second. The first answer counts.

    Raises InputError for an answer that is no choice, and where it is answered or over already.
    """
    state = fold(journal.read(run))
    found = find_question(state, question)
    if state.status != "running":
        raise InputError(f"run: {run} has ended ({state.status}); nobody waits for an answer")
    _check(found, choice, note)
    asked = found.asked
    event = Answered(
        task=asked.task, attempt=asked.attempt, number=asked.number, choice=choice, by=by, note=note
    )
    try:
        journal.append(run, event)
    except AlreadyHappened:
        raise InputError(f"question: {found.id} was answered a moment ago") from None
    return event


def _check(question: Question, choice: str, note: str) -> None:
    given = question.answer
    if given is not None:
        raise InputError(f"question: {question.id} was answered already: {given.choice} (by {given.by})")
    if not question.open:
        raise InputError(f"question: {question.id} is over: its attempt has ended")
    choices = question.asked.choices
    if choices and choice not in choices:
        raise InputError(f"answer: {choice!r} is no choice of {question.id}; choose {_listed(choices)}")
    if len(choice) > MAX_ANSWER or len(note) > MAX_ANSWER:
        raise InputError(f"answer: an answer and a note have at most {MAX_ANSWER} characters each")


def _listed(choices: Iterable[str]) -> str:
    return ", ".join(f"'{choice}'" for choice in choices)
