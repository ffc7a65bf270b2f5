"""Handoffs: what goes from an agent whose work has passed to one that needs it; checked before it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.agents.base import Briefing
from runner.artifacts import Sha256
from runner.events import HandoffSent, Kept
from runner.plan import Plan, PlannedTask
from runner.rules import Handoff
from runner.spec import Swarm, Task
from runner.tokens import count_tokens


@dataclass(frozen=True, slots=True)
class Onward:
    """An edge of the plan, as its sender sees it. `wants` maps the receiver's inputs to its outputs."""

    receiver: Task
    handoff: Handoff
    wants: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent says for those after it."""

    brief: str = ""
    questions: tuple[str, ...] = ()


class Edges:
    """All handoffs of a plan: who hands on to whom, and how. A need that `handoffs` does not name has the
    default."""

    def __init__(self, swarm: Swarm, plan: Plan) -> None:
        self._tasks = {task.id: task for task in swarm.tasks}
        self._onward: dict[str, list[Onward]] = {}
        for planned in plan.tasks:
            for sender in planned.needs:
                self._onward.setdefault(sender, []).append(self._edge(sender, planned))

    def onward(self, sender: str) -> tuple[Onward, ...]:
        return tuple(self._onward.get(sender, ()))

    def desktop_from(self, receiver: str) -> str | None:
        """The task whose desktop, or a copy of it, this one takes; None where it starts on a fresh one."""
        handoffs = self._tasks[receiver].handoffs.items()
        return next((sender for sender, handoff in handoffs if handoff.mode != "fresh"), None)

    def heir(self, sender: str) -> Task | None:
        """The task that takes this one's very desktop."""
        edges = self._onward.get(sender, ())
        return next((edge.receiver for edge in edges if edge.handoff.mode == "transfer"), None)

    def _edge(self, sender: str, planned: PlannedTask) -> Onward:
        receiver = self._tasks[planned.id]
        wants = {name: ref.output for name, ref in planned.artifacts.items() if ref.task == sender}
        return Onward(receiver, receiver.handoffs.get(sender, Handoff()), wants)


def compose(
    edge: Onward, sender: str, attempt: int, contract: Sha256, said: Said, outputs: Mapping[str, Kept]
) -> HandoffSent:
    """The message for one receiver. `outputs` have passed the sender's contract. Raises KeyError without one
    that is wanted."""
    brief = edge.handoff.brief if edge.handoff.brief is not None else said.brief
    return HandoffSent(
        task=sender,
        attempt=attempt,
        to=edge.receiver.id,
        mode=edge.handoff.mode,
        intent=edge.handoff.intent or edge.receiver.instruction,
        brief=brief,
        tokens=count_tokens(brief),
        inputs={name: outputs[output].sha256 for name, output in edge.wants.items()},
        questions=(*edge.handoff.questions, *said.questions),
        contract=contract,
    )


def over_limit(edge: Onward, message: HandoffSent) -> str:
    """Why the message may not be sent; '' where it may. A brief is never cut."""
    limit = edge.handoff.max_tokens
    if message.tokens <= limit:
        return ""
    return f"the brief for {message.to} has {message.tokens} tokens; at most {limit} are handed on, uncut"


def briefing(message: HandoffSent) -> Briefing:
    """A handoff, as the receiving agent is shown it."""
    return Briefing(
        sender=message.task,
        intent=message.intent,
        brief=message.brief,
        inputs=tuple(message.inputs),
        questions=message.questions,
    )


def stale_inputs(messages: Mapping[str, HandoffSent], given: Mapping[str, Kept]) -> Iterator[str]:
    """What is not what was promised: an input that has another hash than the message says."""
    for sender, message in messages.items():
        for name, promised in message.inputs.items():
            if given[name].sha256 != promised:
                yield f"input {name} is not what {sender} handed on: {given[name].sha256}, not {promised}"
