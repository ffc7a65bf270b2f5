"""One step of a session as monitors see it: live, or read back from what was kept."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar, Protocol

from runner.actions import Action, Wait, WaitFor
from runner.agents.base import Act
from runner.artifacts import ArtifactStore, Sha256
from runner.checkpoints import Checkpoint, read_chain
from runner.trees import read_tree
from sandboxes.observation import UiTree


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpoint, and the accessible objects that its agent saw. `shown` tells screens apart of which less
    was kept than there was to see."""

    checkpoint: Checkpoint
    tree: UiTree
    shown: tuple[Sha256, Sha256] | None = None

    @property
    def actions(self) -> tuple[Action, ...]:
        """What the agent asked for; empty where it did not act."""
        decision = self.checkpoint.decision
        return decision.actions if isinstance(decision, Act) else ()

    @property
    def screen(self) -> tuple[Sha256, Sha256]:
        """Equal for two steps where every pixel and every object was the same; the pointer does not count."""
        return self.shown or (self.checkpoint.screen.frame, self.checkpoint.screen.tree)

    @property
    def only_waits(self) -> bool:
        return all(isinstance(action, Wait | WaitFor) for action in self.actions)


class Monitor(Protocol):
    """A fold over the steps of one attempt. `name` is that of its field in a swarm file."""

    name: ClassVar[str]

    def see(self, step: Step) -> str | None:
        """Take in the next step; what is wrong, where something is."""
        ...


def read_steps(store: ArtifactStore, last: Sha256) -> list[Step]:
    """The steps of a recorded attempt. Raises InfraError for what is missing or damaged."""
    return [Step(point, read_tree(store, point.screen.tree)) for point in read_chain(store, last)]


def fits(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns matches the whole text; case does not count."""
    return any(fnmatchcase(text.casefold(), pattern.casefold()) for pattern in patterns)
