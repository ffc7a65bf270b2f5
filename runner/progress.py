"""How far a task has come on the desktop that an attempt takes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.agents.base import ActionResult
from runner.artifacts import Sha256
from runner.events import Kept


@dataclass(frozen=True, slots=True)
class Progress:
    """Earlier attempts acted on `steps` decisions, the last of them with the results `last`; inputs were
    `placed` and `read`. `doubt` is an action begun after that, which may have been carried out. On a desktop
    that was brought into the state of a recorded step, with all inputs in place, `before` has what was at the
    outputs' paths when the work began, by their names; elsewhere it is None."""

    steps: int = 0
    last: tuple[ActionResult, ...] = ()
    placed: Mapping[str, Kept] = field(default_factory=dict)
    read: frozenset[str] = frozenset()
    doubt: str = ""
    before: Mapping[str, Sha256] | None = None

    @property
    def begun(self) -> bool:
        return bool(self.steps or self.doubt)

    @property
    def under_way(self) -> bool:
        """The desktop is past the state in which the task begins, or was brought into it."""
        return self.begun or self.before is not None


NOWHERE = Progress()
"""On a fresh desktop."""
