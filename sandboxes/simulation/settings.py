"""How a simulated desktop behaves: how long things take, and what goes wrong. Seeded, so runs repeat."""

from __future__ import annotations

from random import Random
from typing import Literal

from pydantic import Field

from sandboxes.spec import Model

FILE_NAME = "simulation.json"


class Delay(Model):
    """A log-normal time, in seconds: its median, and the spread of its logarithm."""

    median_s: float = Field(default=0, ge=0, le=3600)
    sigma: float = Field(default=0, ge=0, le=5)

    def draw(self, random: Random) -> float:
        return self.median_s and random.lognormvariate(0, self.sigma) * self.median_s


class Fault(Model):
    """What befalls a desktop, when, and which desktops it may befall.

    `refuse` fails the start; `die` ends the desktop; `freeze` leaves every later request unanswered;
    `nonsense` answers every later request with bytes that are not of the protocol.
    """

    what: Literal["refuse", "die", "freeze", "nonsense"]
    at_action: int = Field(default=1, ge=1, description="the input action that sets it off; from 1")
    probability: float = Field(default=1, ge=0, le=1, description="of each desktop it may befall")
    labels: dict[str, str] = Field(default_factory=dict, description="only desktops with these labels")
    times: int | None = Field(default=None, ge=1, description="at most so many desktops; default: any number")


class Simulation(Model):
    """Latencies and faults of every desktop one backend makes. The default is instant and faultless."""

    seed: int = 0
    boot: Delay = Delay()
    latency: dict[str, Delay] = Field(
        default_factory=dict, description="by operation of the protocol; `*` for all others"
    )
    faults: tuple[Fault, ...] = ()

    def delay_of(self, operation: str, random: Random) -> float:
        delay = self.latency.get(operation) or self.latency.get("*")
        return delay.draw(random) if delay else 0.0
