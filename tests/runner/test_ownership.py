"""The checker of the rule of one owner: what keeps it passes, and every way to break it is seen."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.agents.base import Usage
from runner.events import (
    AttemptEnded,
    AttemptStarted,
    CheckpointTaken,
    DesktopAdopted,
    DesktopHandedOver,
    DesktopLeased,
    DesktopReleased,
    Event,
    RunResumed,
)
from runner.ownership import violations


def starts(task: str, attempt: int = 1) -> Event:
    return AttemptStarted(task=task, attempt=attempt)


def leases(task: str, desktop: str, epoch: int, attempt: int = 1) -> Event:
    return DesktopLeased(task=task, attempt=attempt, desktop=desktop, epoch=epoch)


def acts(task: str, step: int = 0, attempt: int = 1) -> Event:
    blob = "0" * 64
    return CheckpointTaken(
        task=task,
        attempt=attempt,
        step=step,
        sha256=blob,
        screenshot=blob,
        say="act",
        executed=1,
        usage=Usage(),
    )


def hands(
    task: str, desktop: str, epoch: int, to: str, fork_of: str | None = None, attempt: int = 1
) -> Event:
    return DesktopHandedOver(task=task, attempt=attempt, desktop=desktop, epoch=epoch, to=to, fork_of=fork_of)


def ends(task: str, attempt: int = 1) -> Event:
    return AttemptEnded(task=task, attempt=attempt, status="succeeded")


def adopts(task: str, desktop: str, epoch: int) -> Event:
    return DesktopAdopted(task=task, desktop=desktop, epoch=epoch)


RESUMED = RunResumed(number=1, controller="2:2:0")

GOOD: list[Event] = [
    starts("a"), leases("a", "d1", 1), acts("a"),
    hands("a", "d2", 1, "c", fork_of="d1"), hands("a", "d1", 2, "b"), ends("a"),
    starts("b"), leases("b", "d1", 3), acts("b"), ends("b"),
    DesktopReleased(task="c", desktop="d2"),
]  # fmt: skip


def test_a_run_that_keeps_the_rule() -> None:
    assert list(violations(GOOD)) == []


def test_a_run_that_goes_on_with_what_outlived_its_controller() -> None:
    """With a desktop that an attempt was at work on, and with one held for a task."""
    at_work = [*GOOD[:3], RESUMED, ends("a"), adopts("a", "d1", 3), starts("a", 2), leases("a", "d1", 4, 2)]
    held = [*GOOD[:6], RESUMED, adopts("b", "d1", 4), adopts("c", "d2", 3), starts("b"), leases("b", "d1", 5)]
    assert list(violations([*at_work, acts("a", 0, 2), ends("a", 2)])) == []
    assert list(violations([*held, acts("b"), ends("b")])) == []


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([starts("a"), acts("a")], "a#1 used a desktop (checkpoint) that it did not own"),
        ([*GOOD[:6], acts("a", 1)], "a#1 used a desktop"),
        ([*GOOD[:5], acts("a", 1)], "a#1 used a desktop"),
        ([leases("a", "d1", 1)], "which was not running"),
        ([*GOOD[:3], starts("x"), leases("x", "d1", 2)], "d1 was leased to x#1 while a#1 owned it"),
        ([*GOOD[:6], starts("x"), leases("x", "d1", 3)], "while the controller (for b) owned it"),
        ([*GOOD[:6], starts("b"), leases("b", "d1", 2)], "under epoch 2 after epoch 2"),
        ([*GOOD[:3], ends("a"), starts("x"), leases("x", "d1", 2)], "after it had ended"),
        ([*GOOD[:3], leases("a", "d9", 1)], "leased d9 while it held d1"),
        (
            [*GOOD[:3], starts("x"), hands("x", "d1", 2, "b")],
            "d1 was handed over by x#1, but its owner was a#1",
        ),
        ([*GOOD[:3], hands("a", "d1", 2, "c", fork_of="d1")], "there was one of that id before"),
        ([*GOOD[:3], DesktopReleased(task="a", desktop="d1")], "but its owner was a#1"),
        ([*GOOD[:3], ends("a"), RESUMED, adopts("a", "d1", 3)], "which no dead controller had it for"),
        ([*GOOD[:3], RESUMED, ends("a"), adopts("b", "d1", 3)], "which no dead controller had it for"),
        ([*GOOD[:3], RESUMED, adopts("a", "d1", 3)], "taken up for a while a#1 owned it"),
        ([*GOOD[:6], RESUMED, adopts("b", "d1", 2)], "under epoch 2 after epoch 2"),
    ],
)
def test_every_way_to_break_it_is_seen(events: list[Event], said: str) -> None:
    assert said in "; ".join(violations(events))


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.integers(2, 60))
def test_random_runs_keep_it_and_a_use_by_anyone_else_breaks_it(
    random: Random, width: int, length: int
) -> None:
    """Several chains of tasks, each on a desktop that is handed on, interleaved in any way."""
    chains = [_chain(f"c{number}", random.randint(1, 8), random) for number in range(width)]
    events = _interleave(chains, random)[: length * width]
    assert list(violations(events)) == []
    owners = {event.task for event in events if isinstance(event, DesktopLeased)}
    for task in owners:
        at = next(place for place, event in enumerate(events) if event.task == task)
        assert list(violations([*events[:at], acts(task, 99)])), "before its lease"
    assert list(violations([*events, acts("nobody", 99)]))


def _chain(name: str, length: int, random: Random) -> list[Event]:
    events: list[Event] = []
    epoch = 0
    for index in range(length):
        task, epoch = f"{name}-{index}", epoch + 1
        events += [starts(task), leases(task, name, epoch)]
        events += [acts(task, step) for step in range(random.randint(0, 3))]
        if index + 1 < length:
            epoch += 1
            events.append(hands(task, name, epoch, f"{name}-{index + 1}"))
        events.append(ends(task))
    return events


def _interleave(chains: list[list[Event]], random: Random) -> list[Event]:
    waiting = [list(chain) for chain in chains]
    mixed: list[Event] = []
    while any(waiting):
        mixed.append(random.choice([chain for chain in waiting if chain]).pop(0))
    return mixed
