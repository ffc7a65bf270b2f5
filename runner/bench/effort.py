"""How much a benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """Readings of each kind whose median is taken, steps of each session, and desktops at once."""

    readings: int = 40
    walks: int = 5
    steps: int = 40
    session_rounds: int = 6
    swarm_desktops: int = 16
    swarm_steps: int = 10


FULL = Effort()
QUICK = Effort(readings=2, walks=1, steps=2, session_rounds=1, swarm_desktops=2, swarm_steps=2)
"""Enough to see that everything works; its figures say nothing."""
