"""A figure: one measured number, what a plain baseline needs for the same, and what was promised."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from sandboxes.spec import Model


class Goal(Model):
    """What a figure must reach: so many times better than the baseline, at most or at least so much, or
    several of these."""

    times: float | None = Field(default=None, gt=0)
    at_most: float | None = Field(default=None, ge=0, description="in the figure's unit")
    at_least: float | None = Field(default=None, gt=0, description="in the figure's unit")

    def is_met(self, ours: float, ratio: float | None) -> bool:
        """Nothing is any number of times better than something."""
        better = self.times is None or ours == 0 or (ratio is not None and ratio >= self.times)
        low = self.at_most is None or ours <= self.at_most
        return better and low and (self.at_least is None or ours >= self.at_least)

    def describe(self, unit: str) -> str:
        parts = [f"{self.times:g}x"] if self.times is not None else []
        if self.at_most is not None:
            parts.append(f"at most {self.at_most:g} {unit}")
        if self.at_least is not None:
            parts.append(f"at least {self.at_least:g} {unit}")
        return ", ".join(parts)


class Figure(Model):
    """`ratio` is the baseline divided by ours. What does not apply is None: a figure may have no baseline,
    or no goal, and where ours is nothing there is no ratio."""

    name: str
    unit: str
    ours: float
    baseline: float | None
    ratio: float | None
    goal: str | None
    met: bool | None

    @classmethod
    def of(
        cls, name: str, unit: str, ours: float, baseline: float | None = None, goal: Goal | None = None
    ) -> Self:
        """Judged by what was measured, then rounded to four digits."""
        ratio = None if baseline is None or ours == 0 else baseline / ours
        return cls(
            name=name,
            unit=unit,
            ours=_rounded(ours),
            baseline=None if baseline is None else _rounded(baseline),
            ratio=None if ratio is None else _rounded(ratio),
            goal=None if goal is None else goal.describe(unit),
            met=None if goal is None else goal.is_met(ours, ratio),
        )


class Report(Model):
    """All that `--json` prints."""

    figures: tuple[Figure, ...]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
