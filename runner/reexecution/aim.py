"""Where an action goes: what it was aimed at in the record, found again on another desktop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.actions import Action, Focus, Target, WaitFor
from runner.locating import find, locator_of, node_at
from sandboxes.errors import GuestError
from sandboxes.guest.protocol import Node, Point, Window
from sandboxes.query import describe
from sandboxes.spec import Model, Screen

_NEAR_PX = 3


class NotDone(GuestError):
    """What was done in the record cannot be: it fails, or what it was done to is nowhere on the screen."""


class Moved(Model):
    """Something that was acted on at another place than in the record."""

    what: str
    recorded: Point
    found: Point


@dataclass(frozen=True, slots=True)
class Look:
    """What is found in: the recorded screen, or the present one."""

    nodes: Sequence[Node]
    windows: Sequence[Window]
    screen: Screen

    def at(self, point: Point) -> Node | None:
        index = node_at(point, self.nodes, self.windows)
        return None if index is None else self.nodes[index]


def targets_of(action: Action) -> dict[str, Target]:
    """An action's targets, by the name of their field."""
    named = ((name, getattr(action, name)) for name in ("target", "start", "end") if hasattr(action, name))
    return {name: target for name, target in named if isinstance(target, Target)}


def found_again(action: Action, recorded: Look, now: Look) -> tuple[Action, list[Moved]]:
    """The action with each of its points where what was there in the record is now. Raises NotDone."""
    moves = []
    update = {}
    for name, target in targets_of(action).items():
        if target.at is None:
            continue
        at = _now_at(target.at, recorded, now)
        if at != target.at:
            node = recorded.at(target.at)
            moves.append(Moved(what=describe(node) if node else "", recorded=target.at, found=at))
            update[name] = target.model_copy(update={"at": at})
    return action.model_copy(update=update), moves


def moved_apart(action: Action, recorded: Sequence[Point], now: Sequence[Point]) -> list[Moved]:
    """The targets that a locator found at another place than in the record."""
    found = [target for target in targets_of(action).values() if target.at is None]
    return [
        Moved(
            what=f'"{target.role or "object"}" "{target.name or target.text or ""}"', recorded=old, found=new
        )
        for target, old, new in zip(found, recorded, now, strict=False)
        if max(abs(old.x - new.x), abs(old.y - new.y)) > _NEAR_PX
    ]


def with_patience(action: Action, seconds: float) -> Action:
    """The action, waiting so long at most for what it is aimed at."""
    update: dict[str, object] = {
        name: target.model_copy(update={"timeout": seconds}) for name, target in targets_of(action).items()
    }
    if isinstance(action, Focus):
        update["timeout"] = seconds
    return action.model_copy(update=update)


def waits(action: Action) -> bool:
    """Whether the action begins by waiting for something to be there."""
    if isinstance(action, Focus | WaitFor):
        return True
    return any(target.at is None for target in targets_of(action).values())


def _now_at(at: Point, recorded: Look, now: Look) -> Point:
    """The same point where the same lies there, or where only a point will do."""
    index = node_at(at, recorded.nodes, recorded.windows)
    if index is None:
        return at
    then = recorded.nodes[index]
    here = now.at(at)
    if here is not None and (here.role, here.name) == (then.role, then.name):
        return at
    target = locator_of(index, recorded.nodes, recorded.screen)
    if target is None:
        return at
    found = find(target, now.nodes, now.screen)
    if found is None:
        raise NotDone(f"{describe(then)}, which was acted on at {at.x},{at.y}, is not there")
    return _same_spot(at, then, found)


def _same_spot(at: Point, then: Node, found: Node) -> Point:
    """As far into the object as it was, within what there is of it."""
    assert then.rect is not None  # it was found by its place, and what is found shows
    assert found.rect is not None
    right = min(at.x - then.rect.x, max(found.rect.width - 1, 0))
    down = min(at.y - then.rect.y, max(found.rect.height - 1, 0))
    return Point(x=found.rect.x + right, y=found.rect.y + down)
