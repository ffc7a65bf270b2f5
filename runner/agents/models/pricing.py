"""What an answer cost: tokens as the provider counts them, money by the prices its user states."""

from __future__ import annotations

from dataclasses import dataclass

from runner.agents.base import Usage
from runner.model_agents import Prices


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of one answer. `input` is what was neither read from the provider's cache nor written to it;
    `reasoning` is a part of `output`."""

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def sent(self) -> int:
        """All that the model was given."""
        return self.input + self.cached + self.written

    def usage(self, prices: Prices | None) -> Usage:
        return Usage(tokens=self.sent + self.output, money=self._dollars(prices) if prices else 0)

    def _dollars(self, prices: Prices) -> float:
        cached = prices.input if prices.cached is None else prices.cached
        written = prices.input if prices.written is None else prices.written
        millionths = (
            self.input * prices.input
            + self.cached * cached
            + self.written * written
            + self.output * prices.output
        )
        return millionths / 1_000_000

    def __str__(self) -> str:
        return (
            f"{self.sent} tokens in ({self.cached} from the cache, {self.written} to it), "
            f"{self.output} out ({self.reasoning} of reasoning)"
        )
