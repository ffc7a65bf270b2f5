"""How long to wait for a recorded screen."""

from __future__ import annotations

from dataclasses import dataclass

from runner.reexecution.compare import Comparison


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. A screen is judged another than the recorded one when it has stayed as it is for `rest_s`, and
    at the latest after `whole_s`; one that may be passing after `passing_s`. `sharpen_s` is waited for pixels
    where the tree is the same, `target_s` for what is acted on."""

    rest_s: float = 8
    whole_s: float = 90
    passing_s: float = 2
    sharpen_s: float = 2
    target_s: float = 60


@dataclass(slots=True)
class Wait:
    """When to stop looking, by the monotonic clock. `changed_at` is when the screen last did."""

    patience: Patience
    passing: bool
    started: float
    changed_at: float
    alike_at: float | None = None

    def is_over(self, comparison: Comparison, now: float) -> bool:
        """Whether a screen that compares so will hardly become more like the recorded one."""
        match comparison.level:
            case "exact" | "perceptual":
                return True
            case "structural":
                self.alike_at = self.alike_at or now
                return now - self.alike_at >= self.patience.sharpen_s
            case "different":
                self.alike_at = None
                if self.passing:
                    return now - self.started >= self.patience.passing_s
                rest_s = self.patience.rest_s / (1 if comparison.weight == "real" else 2)
                rested = now - self.changed_at >= rest_s
                return rested or now - self.started >= self.patience.whole_s
