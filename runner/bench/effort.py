"""How much a benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """Readings of each kind whose median is taken, steps of each session, and desktops at once.

    `cycles` are desktops from their creation to their end, in `kills` of which their controller is killed.
    """

    readings: int = 40
    walks: int = 5
    steps: int = 40
    session_rounds: int = 6
    swarm_desktops: int = 16
    swarm_steps: int = 10
    starts: int = 15
    resets: int = 9
    forks: int = 7
    generations: int = 6
    clones: int = 8
    density: int = 64
    cycles: int = 100
    kills: int = 20


FULL = Effort()
QUICK = Effort(
    readings=2,
    walks=1,
    steps=2,
    session_rounds=1,
    swarm_desktops=2,
    swarm_steps=2,
    starts=1,
    resets=1,
    forks=1,
    generations=2,
    clones=2,
    density=2,
    cycles=2,
    kills=1,
)
"""Enough to see that everything works; its figures say nothing."""
