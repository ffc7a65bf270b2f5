"""Monitors of the user's own: functions that are given the last steps, and say what is wrong, or None."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
from anyio import to_thread

from runner.hooks import describe, load_function
from runner.monitors.spec import Own
from runner.monitors.step import Step
from sandboxes.errors import InputError

STEPS_SHOWN = 50
DEADLINE_S = 10.0

Function = Callable[[Sequence[Step]], str | None]


class OwnMonitors:
    """Shows each function the last 50 steps, the newest last, after every step."""

    def __init__(self, specs: Sequence[Own], folder: Path) -> None:
        """Raises InputError where a function is not there."""
        self._functions: list[tuple[Own, Function]] = [
            (spec, load_function(spec.python, folder)) for spec in specs
        ]
        self._steps: deque[Step] = deque(maxlen=STEPS_SHOWN)

    async def see(self, step: Step) -> list[tuple[Own, str]]:
        """What the functions say. Raises InputError for one that fails or is too slow: it watches nothing."""
        self._steps.append(step)
        said = [(spec, await self._ask(spec, function)) for spec, function in self._functions]
        return [(spec, message) for spec, message in said if message is not None]

    async def _ask(self, spec: Own, function: Function) -> str | None:
        try:
            with anyio.fail_after(DEADLINE_S):
                said = await to_thread.run_sync(function, tuple(self._steps), abandon_on_cancel=True)
        except TimeoutError:
            raise InputError(f"monitor {spec.python}: no answer within {DEADLINE_S:g} s") from None
        except Exception as error:  # the user's own code
            raise InputError(f"monitor {spec.python}: {describe(error)}") from error
        if said is not None and not isinstance(said, str):
            raise InputError(f"monitor {spec.python}: answers None or a text, not a {type(said).__name__}")
        return said
