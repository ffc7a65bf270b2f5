"""Proves from the journal that every desktop had one owner at any time, and that only its owner used it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from runner.events import (
    AttemptEnded,
    AttemptStarted,
    CheckpointTaken,
    DesktopAdopted,
    DesktopHandedOver,
    DesktopLeased,
    DesktopReleased,
    Event,
    InputPlaced,
    OutputKept,
    RunEnded,
    RunResumed,
)


class Owner(NamedTuple):
    """An attempt; or the controller, that holds the desktop for a task: attempt 0."""

    task: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.task}#{self.attempt}" if self.attempt else f"the controller (for {self.task})"


@dataclass(slots=True)
class _Ledger:
    """`epochs` has the last lease of every desktop that ever was; `owners` those that are owned now; `left`
    what controllers that died have left, by the task it was for."""

    epochs: dict[str, int] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    running: set[Owner] = field(default_factory=set)
    held: dict[Owner, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def violations(events: Iterable[Event]) -> Iterator[str]:
    """Everything in a run's events, in order, that breaks the rule of one owner; nothing, where it held.

    A desktop's leases have growing epochs; each begins where the one before ends, by a handover, by the end
    of the attempt, or by that of the controller, whose successor goes on with the same task; and what an
    attempt does happens between the beginning and the end of its lease.
    """
    ledger = _Ledger()
    for event in events:
        yield from _take(ledger, event)


def _take(ledger: _Ledger, event: Event) -> Iterator[str]:
    match event:
        case AttemptStarted():
            ledger.running.add(Owner(event.task, event.attempt))
        case DesktopLeased():
            yield from _lease(ledger, event)
        case DesktopHandedOver():
            yield from _hand_over(ledger, event)
        case RunResumed():
            ledger.left |= {desktop: owner.task for desktop, owner in ledger.owners.items()}
        case DesktopAdopted():
            yield from _adopt(ledger, event)
        case DesktopReleased():
            owner = ledger.owners.pop(event.desktop, None)
            if owner != Owner(event.task, 0):
                yield f"{event.desktop} was released for {event.task}, but its owner was {owner}"
        case CheckpointTaken() | InputPlaced() | OutputKept():
            yield from _use(ledger, event)
        case AttemptEnded():
            _end(ledger, Owner(event.task, event.attempt))
        case RunEnded():
            ledger.owners.clear()
            ledger.held.clear()
            ledger.running.clear()
            ledger.left.clear()


def _lease(ledger: _Ledger, event: DesktopLeased) -> Iterator[str]:
    new = Owner(event.task, event.attempt)
    if new not in ledger.running:
        yield f"{event.desktop} was leased to {new}, which was not running"
    if ledger.held.get(new, event.desktop) != event.desktop:
        yield f"{new} was leased {event.desktop} while it held {ledger.held[new]}"
    owner = ledger.owners.get(event.desktop)
    if owner is None and event.desktop in ledger.epochs:
        yield f"{event.desktop} was leased to {new} after it had ended"
    if owner is not None and owner not in (new, Owner(event.task, 0)):
        yield f"{event.desktop} was leased to {new} while {owner} owned it"
    yield from _advance(ledger, event.desktop, event.epoch)
    ledger.owners[event.desktop] = new
    ledger.held[new] = event.desktop


def _hand_over(ledger: _Ledger, event: DesktopHandedOver) -> Iterator[str]:
    giver = Owner(event.task, event.attempt)
    source = event.fork_of or event.desktop
    if ledger.owners.get(source) != giver:
        yield f"{source} was handed over by {giver}, but its owner was {ledger.owners.get(source)}"
    if event.fork_of is not None and event.desktop in ledger.epochs:
        yield f"{event.desktop} is said to be a new copy, but there was one of that id before"
    if event.fork_of is None:
        ledger.held.pop(giver, None)
    yield from _advance(ledger, event.desktop, event.epoch)
    ledger.owners[event.desktop] = Owner(event.to, 0)


def _adopt(ledger: _Ledger, event: DesktopAdopted) -> Iterator[str]:
    if ledger.left.pop(event.desktop, None) != event.task:
        yield f"{event.desktop} was taken up for {event.task}, which no dead controller had it for"
    owner = ledger.owners.get(event.desktop)
    if owner not in (None, Owner(event.task, 0)):
        yield f"{event.desktop} was taken up for {event.task} while {owner} owned it"
    yield from _advance(ledger, event.desktop, event.epoch)
    ledger.owners[event.desktop] = Owner(event.task, 0)


def _use(ledger: _Ledger, event: CheckpointTaken | InputPlaced | OutputKept) -> Iterator[str]:
    user = Owner(event.task, event.attempt)
    desktop = ledger.held.get(user)
    if desktop is None or ledger.owners.get(desktop) != user:
        yield f"{user} used a desktop ({event.kind}) that it did not own"


def _end(ledger: _Ledger, owner: Owner) -> None:
    ledger.running.discard(owner)
    desktop = ledger.held.pop(owner, None)
    if desktop is not None and ledger.owners.get(desktop) == owner:
        del ledger.owners[desktop]


def _advance(ledger: _Ledger, desktop: str, epoch: int) -> Iterator[str]:
    last = ledger.epochs.get(desktop, 0)
    if epoch <= last:
        yield f"{desktop} was leased under epoch {epoch} after epoch {last}"
    ledger.epochs[desktop] = epoch
