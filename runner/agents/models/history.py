"""What a model is shown of what went before, kept within its budget by leaving out the oldest.

First screenshots older than the last few go, then whole answers with what followed on them. A note stands in
the place of each, so that the model knows; what was left out is also told to the caller, for its log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from runner.agents.models.answer import Answer, Call
from runner.agents.models.scaling import Picture
from runner.model_agents import Context
from runner.tokens import count_tokens

SCREENSHOT_LEFT_OUT = "[an earlier screenshot was here; it was left out]"
MAX_NOTES = 40
_OVERHEAD = 8  # tokens of a block's own structure


@dataclass(slots=True)
class Block:
    """Something the model is told: the result of a call, or what stands for itself (`call` is None)."""

    text: str
    call: Call | None = None
    error: bool = False
    picture: Picture | None = None

    @property
    def tokens(self) -> int:
        return _OVERHEAD + count_tokens(self.text) + (self.picture.tokens if self.picture else 0)


@dataclass(slots=True)
class Exchange:
    """What the model was told at once, and its answer."""

    told: list[Block]
    answer: Answer | None = None

    @property
    def tokens(self) -> int:
        said = count_tokens(json.dumps(self.answer.sent_back)) if self.answer else 0
        return sum(block.tokens for block in self.told) + said


@dataclass(slots=True)
class History:
    """`whole` says that a screenshot cannot go alone: the provider wants every result with its image.

    The provider's own count corrects the estimate: `_ratio` is how far it was above it, at most so far.
    """

    limits: Context
    whole: bool = False
    exchanges: list[Exchange] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _left_out: int = 0
    _ratio: float = 1.0

    def tell(self, *blocks: Block) -> list[str]:
        """Add what the model is told next; what had to be left out for it."""
        self.exchanges.append(Exchange(list(blocks)))
        return list(self._prune())

    def answered(self, answer: Answer) -> None:
        if answer.tokens.sent:
            self._ratio = max(self._ratio, answer.tokens.sent / self._estimate)
        self.exchanges[-1].answer = answer

    @property
    def note(self) -> str:
        """What stands for the answers left out; it belongs behind the first exchange's text."""
        if not self._left_out:
            return ""
        lines = "\n".join(f"- {note}" for note in self._notes)
        return (
            f"[{self._left_out} earlier answers and their results were left out; the last of them:]\n{lines}"
        )

    @property
    def tokens(self) -> int:
        """An estimate of all that is sent, corrected by what the provider counted before."""
        return round(self._estimate * self._ratio)

    @property
    def _estimate(self) -> int:
        return sum(exchange.tokens for exchange in self.exchanges) + count_tokens(self.note)

    def _prune(self) -> Iterator[str]:
        pictures = list(self._pictures())
        for block in pictures[: -self.limits.screenshots]:
            if not (self.whole and block.call):
                block.picture = None
                block.text = f"{block.text}\n{SCREENSHOT_LEFT_OUT}".strip()
                yield "left out a screenshot"
        while len(self.exchanges) > 2 and (self.tokens > self.limits.tokens or self._too_many_pictures):
            yield f"left out an answer: {self._drop()}"

    @property
    def _too_many_pictures(self) -> bool:
        return sum(1 for _ in self._pictures()) > self.limits.screenshots

    def _pictures(self) -> Iterator[Block]:
        for exchange in self.exchanges:
            yield from (block for block in exchange.told if block.picture)

    def _drop(self) -> str:
        """The first answer goes, with the results of its calls; the instruction before it stays."""
        first, second = self.exchanges[:2]
        summary = first.answer.summary if first.answer else ""
        first.answer = second.answer
        del self.exchanges[1]
        self._left_out += 1
        self._notes = [*self._notes, summary][-MAX_NOTES:]
        return summary
