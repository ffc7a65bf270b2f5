"""Seeing where a secret went that was just typed."""

from __future__ import annotations

import time

from runner.outcome import must_answer
from runner.redaction.screen import Redaction
from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop

_ARRIVES_S = 2.0


async def find_secret(desktop: Desktop, redaction: Redaction) -> None:
    """Before anything else happens to it. Raises InfraError."""
    pace = Pace()
    with must_answer(desktop):
        await desktop.settle()
        seen = await desktop.observe()
        ends = time.monotonic() + _ARRIVES_S
        while not redaction.arrived(seen) and time.monotonic() < ends:
            await pace.wait()
            seen = await desktop.observe()
    redaction.typed(seen)
