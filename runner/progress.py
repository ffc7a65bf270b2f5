"""How far a task has come on a desktop that outlived the controller of an earlier attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.agents.base import ActionResult
from runner.events import Kept


@dataclass(frozen=True, slots=True)
class Progress:
    """Earlier attempts acted on `steps` decisions, the last of them with the results `last`; inputs were
    `placed` and `read`. `doubt` is an action begun after that, which may have been carried out."""

    steps: int = 0
    last: tuple[ActionResult, ...] = ()
    placed: Mapping[str, Kept] = field(default_factory=dict)
    read: frozenset[str] = frozenset()
    doubt: str = ""

    @property
    def begun(self) -> bool:
        return bool(self.steps or self.doubt)


NOWHERE = Progress()
"""On a fresh desktop."""
