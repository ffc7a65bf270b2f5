"""What is known of the space between a run's tasks: questions, handoffs, desktops on their way, locks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, count

from runner.events import (
    Answered,
    Asked,
    AttemptEnded,
    DeadlockFound,
    DesktopAdopted,
    DesktopHandedOver,
    DesktopLeased,
    DesktopReleased,
    Escalated,
    Event,
    HandoffSent,
    LockGranted,
    LockReleased,
    Notified,
    QuestionEvent,
    Ruling,
    TaskEnded,
    TaskReopened,
    TaskReused,
)
from runner.rules import Contact


@dataclass(slots=True)
class Question:
    """A question for a person. `level` is the contact of the path that has it now.

    It is open until someone answers, or until the attempt whose agent asked has ended. An answer to a failure
    is `settled` once the arbitrator's ruling says so.
    """

    asked: Asked
    at: float
    level: int = 0
    notified: set[int] = field(default_factory=set)
    answer: Answered | None = None
    settled: bool = False

    @property
    def id(self) -> str:
        """As people type it: `TASK.ATTEMPT.NUMBER`."""
        return f"{self.asked.task}.{self.asked.attempt}.{self.asked.number}"

    @property
    def open(self) -> bool:
        return self.answer is None and not self.settled

    @property
    def contact(self) -> Contact:
        return self.asked.path[self.level]

    @property
    def deadline(self) -> float:
        """When the present contact's time is up, in seconds since the epoch."""
        times = list(accumulate(contact.within_s for contact in self.asked.path))
        return self.at + times[self.level]


@dataclass(slots=True)
class Coordination:
    """A fold, as the rest of the state is (runner.state)."""

    questions: dict[tuple[str, int, int], Question] = field(default_factory=dict)
    """By task, attempt and number."""
    handoffs: dict[str, dict[str, HandoffSent]] = field(default_factory=dict)
    """By receiver, then sender: the last one sent."""
    desktops: dict[str, DesktopHandedOver | DesktopAdopted] = field(default_factory=dict)
    """Those the controller holds, by the task that is to take them."""
    locks: dict[str, dict[str, int]] = field(default_factory=dict)
    """Holders of each lock: task to attempt; attempt 0 where it came with a desktop and waits."""
    deadlocks: list[DeadlockFound] = field(default_factory=list)

    def apply(self, event: Event, at: float) -> None:
        match event:
            case Asked():
                self.questions[_key(event)] = Question(event, at)
            case QuestionEvent():
                self._apply_to_question(self.questions[_key(event)], event)
            case Ruling() if event.question is not None:
                self.questions[event.task, event.attempt, event.question].settled = True
            case AttemptEnded():
                self._close_questions_of(event)
            case HandoffSent():
                self.handoffs.setdefault(event.to, {})[event.task] = event
            case TaskReused():
                for message in event.handoffs:
                    self.handoffs.setdefault(message.to, {})[event.task] = message
            case _:
                self._apply_to_things(event)

    def open_questions(self) -> Iterator[Question]:
        return (question for question in self.questions.values() if question.open)

    def unsettled(self) -> Iterator[Question]:
        """Answers to failures that no ruling has followed yet."""
        for question in self.questions.values():
            if question.answer is not None and not question.settled and question.asked.about == "failure":
                yield question

    def waiting_holders(self) -> list[str]:
        """Tasks that hold a lock and do not run: it came with a desktop."""
        return [task for holders in self.locks.values() for task, attempt in holders.items() if not attempt]

    def _apply_to_question(self, question: Question, event: QuestionEvent) -> None:
        match event:
            case Notified():
                question.notified.add(event.level)
            case Escalated():
                question.level = event.level
            case Answered():
                question.answer = event

    def _close_questions_of(self, ended: AttemptEnded) -> None:
        """An agent's question ends with its attempt; one about the failure is only asked after that."""
        for number in count(1):
            question = self.questions.get((ended.task, ended.attempt, number))
            if question is None:
                return
            question.settled = True

    def _apply_to_things(self, event: Event) -> None:
        match event:
            case DesktopHandedOver():
                self.desktops[event.to] = event
            case DesktopAdopted():
                self.desktops[event.task] = event
            case DesktopReleased():
                self.desktops.pop(event.task, None)
            case DesktopLeased():
                self._take_desktop(event)
            case LockGranted():
                self.locks.setdefault(event.lock, {})[event.task] = event.attempt
            case LockReleased():
                self._release(event)
            case TaskEnded() | TaskReopened(needed_by=None):
                self._release_all(event.task)
            case TaskReopened(needed_by=str(receiver)):
                self._release_all(receiver)
            case DeadlockFound():
                self.deadlocks.append(event)

    def _take_desktop(self, leased: DesktopLeased) -> None:
        held = self.desktops.get(leased.task)
        if held is not None and held.desktop == leased.desktop:
            del self.desktops[leased.task]

    def _release(self, released: LockReleased) -> None:
        holders = self.locks.get(released.lock, {})
        holders.pop(released.task, None)
        if released.to is not None:
            holders[released.to] = 0
        if not holders:
            self.locks.pop(released.lock, None)

    def _release_all(self, task: str) -> None:
        """Also a lock that came with a desktop, whose task is not to run any more."""
        for lock in [name for name, holders in self.locks.items() if task in holders]:
            self._release(LockReleased(task=task, lock=lock))


def _key(event: QuestionEvent) -> tuple[str, int, int]:
    return event.task, event.attempt, event.number
