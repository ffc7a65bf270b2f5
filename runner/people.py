"""People: questions are put to them, answers come through the journal, and nobody is waited for for ever.

An answer is an event that another process writes (`deskswarm ask answer`, or its webhook). The controller
learns of it by asking SQLite for its data version, which costs a microsecond and no read, four times a
second: a person takes longer than that to answer, and a file watch would not see every way to write.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from runner.agents.base import Ask, PersonsAnswer
from runner.coordination import Question
from runner.events import Answered, Asked, Escalated, Event
from runner.journal import AlreadyHappened
from runner.notify import notify
from runner.rules import Escalation
from runner.run_log import RunLog
from sandboxes.deadline import Pace

LOOK_EVERY_S = 0.25
BY_DEFAULT = "default"


class People:
    """Attends to the questions of one run. `on_news` is called when something came from outside."""

    def __init__(self, log: RunLog, on_news: Callable[[], None]) -> None:
        self._log = log
        self._on_news = on_news
        self._news = anyio.Event()
        self._posting: set[tuple[str, int]] = set()

    async def attend(self) -> None:
        """Until cancelled: take in answers, pass questions on when a contact's time is up, post them."""
        pace = Pace(LOOK_EVERY_S)
        async with anyio.create_task_group() as posts:
            while True:
                before = self._log.state.seq
                await self._log.catch_up()
                for question in list(self._log.state.coordination.open_questions()):
                    await self._attend_to(question, posts)
                if self._log.state.seq != before:
                    self._tell()
                await pace.wait()

    async def ask(self, task: str, attempt: int, escalation: Escalation, question: Ask) -> PersonsAnswer:
        """Put an agent's question, and wait for its answer; the attempt's own budget bounds the wait."""
        asked = Asked(
            task=task,
            attempt=attempt,
            number=self.next_number(task, attempt),
            about="agent",
            question=question.question,
            context=question.context,
            choices=question.choices,
            default=question.default,
            path=escalation.path,
        )
        await self._log.write(asked)
        answer = await self._answer(asked)
        return PersonsAnswer(question=question.question, choice=answer.choice, note=answer.note, by=answer.by)

    def next_number(self, task: str, attempt: int) -> int:
        asked = self._log.state.coordination.questions
        return next(number for number in range(1, len(asked) + 2) if (task, attempt, number) not in asked)

    async def _answer(self, asked: Asked) -> Answered:
        while True:
            news = self._news
            answer = self._log.state.coordination.questions[asked.task, asked.attempt, asked.number].answer
            if answer is not None:
                return answer
            await news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()
        self._on_news()

    async def _attend_to(self, question: Question, posts: TaskGroup) -> None:
        if time.time() >= question.deadline:
            await self._write_once(_overdue(question))
        key = (question.id, question.level)
        post = question.contact.post
        if question.open and post and question.level not in question.notified and key not in self._posting:
            self._posting.add(key)
            posts.start_soon(self._post, question, post)

    async def _write_once(self, event: Event) -> None:
        """Unless an answer from outside came first."""
        try:
            await self._log.write(event)
        except AlreadyHappened:
            await self._log.catch_up()

    async def _post(self, question: Question, url: str) -> None:
        await self._log.write(await notify(self._log.state.id, question, url))


def _overdue(question: Question) -> Event:
    """What happens when a contact's time is up: the next one has the question, or the default happens."""
    asked = question.asked
    place = {"task": asked.task, "attempt": asked.attempt, "number": asked.number}
    following = question.level + 1
    if following < len(asked.path):
        return Escalated.model_validate({**place, "level": following, "to": asked.path[following].to})
    return Answered.model_validate({**place, "choice": asked.default, "by": BY_DEFAULT})
