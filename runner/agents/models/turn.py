"""The calls of one answer, carried out in their order up to the first that fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runner.actions import Action, Wait
from runner.agents.base import ActionResult
from runner.agents.models.answer import Call

MAX_ACTIONS = 100  # of one decision
NOT_EXECUTED = "Not executed: an earlier computer action in this turn failed."
LOOK_AGAIN = Wait(do="wait", seconds=0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. `error` is empty where it succeeded."""

    call: Call
    error: str = ""


@dataclass(slots=True)
class Turn:
    """`outcomes` grows as calls are carried out. A call that has something to show ends a segment: what it
    shows must be seen before the next one changes it."""

    calls: Sequence[Call]
    outcomes: list[Outcome] = field(default_factory=list)
    _segment: list[Call] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return bool(self._segment or self.outcomes)

    @property
    def over(self) -> bool:
        return len(self.outcomes) == len(self.calls)

    @property
    def failed(self) -> bool:
        return any(outcome.error for outcome in self.outcomes)

    @property
    def acts(self) -> bool:
        """Whether any of it makes sense."""
        return any(not call.problem for call in self.calls)

    def next(self) -> tuple[Action, ...]:
        """What to do before the next look."""
        self._segment = list(self._next_calls())
        return tuple(action for call in self._segment for action in call.actions) or (LOOK_AGAIN,)

    def take(self, last: Sequence[ActionResult]) -> list[Outcome]:
        """What became of the calls of the last segment; after one that failed, of all others too."""
        results, new = list(last), list[Outcome]()
        for call in self._segment:
            own, results = results[: len(call.actions)], results[len(call.actions) :]
            error = next((str(result.error) for result in own if not result.ok), "") or call.problem
            if not error and len(own) < len(call.actions):
                error = "cut short"
            new.append(Outcome(call, error))
            if error:
                rest = self.calls[len(self.outcomes) + len(new) :]
                new += (Outcome(call, NOT_EXECUTED) for call in rest)
                break
        self.outcomes += new
        self._segment = []
        return new

    def _next_calls(self) -> Iterator[Call]:
        room = MAX_ACTIONS
        for index, call in enumerate(self.calls[len(self.outcomes) :]):
            if index and len(call.actions) > room:
                return
            yield call
            room -= len(call.actions)
            if call.shows != "nothing" or call.problem:
                return
