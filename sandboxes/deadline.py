"""Deadlines that say what was waited for, and the pace of a wait that has to look again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from sandboxes.errors import DeadlineExceeded


@contextmanager
def deadline(condition: str, seconds: float, *, grace: float = 0, shield: bool = False) -> Iterator[None]:
    """Give the block `seconds`, and `grace` on top. Raises DeadlineExceeded that names the condition."""
    with anyio.move_on_after(seconds + grace, shield=shield) as scope:
        yield
    if scope.cancelled_caught:
        raise DeadlineExceeded(f"{condition}: not within {seconds:g} s")


class Pace:
    """Keeps looks at a condition nobody tells us about at least `every` seconds apart."""

    def __init__(self, every: float = 0.1) -> None:
        self._every = every
        self._next = anyio.current_time() + every

    async def wait(self) -> None:
        """Return when the next look is due: at once, where the last one took that long."""
        await anyio.sleep_until(self._next)
        self._next = anyio.current_time() + self._every
