"""An agent between its handoffs: it is shown briefings, its reading is noted, its questions are answered."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import JsonValue

from runner.agents.base import (
    MAX_ASKED,
    Act,
    Agent,
    AgentError,
    Ask,
    Briefing,
    Decision,
    Done,
    Failed,
    Look,
    PersonsAnswer,
    Usage,
    View,
)
from runner.events import InputRead, Kept, Recorder
from runner.handoff import Said

AskPerson = Callable[[Ask], Awaitable[PersonsAnswer]]


@dataclass(slots=True)
class BriefedAgent:
    """What a session sees of an agent. `placed` are the inputs other tasks handed on; more than `max_asked`
    questions to a person are refused."""

    agent: Agent
    briefings: Sequence[Briefing]
    placed: Mapping[str, Kept]
    record: Recorder
    ask: AskPerson
    task: str
    attempt: int
    max_asked: int = MAX_ASKED
    said: Said = field(default_factory=Said)
    read: set[str] = field(default_factory=set)
    _asked: int = 0

    async def decide(self, view: View) -> Decision:
        """Its next decision; a question is put to a person first. Raises AgentError for too many of them."""
        spent = Usage()
        view = replace(view, briefings=tuple(self.briefings))
        while True:
            reply = await self.agent.decide(view)
            spent += reply.usage
            if not isinstance(reply, Ask):
                await self._note(reply)
                return reply.model_copy(update={"usage": spent})
            view = replace(view, answer=await self._put(reply))

    @property
    def unread(self) -> tuple[str, ...]:
        return tuple(name for name in self.placed if name not in self.read)

    async def _put(self, question: Ask) -> PersonsAnswer:
        self._asked += 1
        if self._asked > self.max_asked:
            raise AgentError(f"asked more than {self.max_asked} questions")
        return await self.ask(question)

    async def _note(self, decision: Decision) -> None:
        match decision:
            case Act():
                await self._note_read(decision.read, "said")
                await self._note_read(_named(decision, self.placed), "named")
            case Done():
                await self._note_read(decision.read, "said")
                self.said = Said(decision.brief, decision.questions)
            case Look() | Failed():
                pass

    async def _note_read(self, names: Sequence[str], how: Literal["said", "named"]) -> None:
        for name in names:
            if name in self.placed and name not in self.read:
                self.read.add(name)
                digest = self.placed[name].sha256
                await self.record(
                    InputRead(task=self.task, attempt=self.attempt, name=name, sha256=digest, how=how)
                )


def _named(decision: Act, placed: Mapping[str, Kept]) -> list[str]:
    """The inputs whose file an action names: to open it, to type its name, or to go to its window."""
    words = [word for action in decision.actions for word in _words(action.model_dump(mode="json"))]
    names = {name: posixpath.basename(kept.path) for name, kept in placed.items()}
    return [name for name, file in names.items() if any(file in word for word in words)]


def _words(value: JsonValue) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _words(item)
        case list():
            for item in value:
                yield from _words(item)
