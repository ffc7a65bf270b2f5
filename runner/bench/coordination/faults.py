"""Faults in the proportions in which systems of several agents were seen to fail (MAST, arXiv 2503.13657).

Each is something an agent does. The same fault befalls the same attempt at the same task in both arms.
"""

from __future__ import annotations

from random import Random
from typing import Literal

Fault = Literal[
    "disobeys_task",
    "disobeys_role",
    "repeats_steps",
    "loses_history",
    "misses_the_end",
    "starts_over",
    "does_not_ask",
    "derails",
    "withholds",
    "ignores_input",
    "does_another_thing",
    "ends_early",
    "does_not_verify",
    "verifies_wrongly",
]

SHARES: dict[Fault, float] = {
    "disobeys_task": 11.8,
    "disobeys_role": 1.5,
    "repeats_steps": 15.7,
    "loses_history": 2.8,
    "misses_the_end": 12.4,
    "starts_over": 2.2,
    "does_not_ask": 6.8,
    "derails": 7.4,
    "withholds": 0.85,
    "ignores_input": 1.9,
    "does_another_thing": 13.2,
    "ends_early": 6.2,
    "does_not_verify": 8.2,
    "verifies_wrongly": 9.1,
}
"""Per cent of all failures: the modes 1.1 to 3.3, in their order."""

OF_ATTEMPTS = 0.15
"""So many of all attempts have a fault. Unguarded, that makes the share of runs that end wrong fall within
the 41 to 87 per cent that the study found."""

READER_MISSES, READER_OBJECTS = 0.1, 0.01
"""A reader overlooks so much of the wrong work, and finds fault with so much of the good."""


def draw_fault(random: Random) -> Fault | None:
    if random.random() >= OF_ATTEMPTS:
        return None
    return random.choices(list(SHARES), list(SHARES.values()))[0]


def of_attempt(plan: int, task: str, attempt: int, seed: int, who: str = "agent") -> Random:
    """The dice of one attempt: whoever makes it, in whatever order, they fall the same way. Each reader of
    its work has dice of its own."""
    return Random(f"{seed}/{plan}/{task}/{attempt}/{who}")
