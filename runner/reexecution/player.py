"""Carries out a recorded attempt on another desktop, and compares the screens step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from runner.actions import Action, Focus, Target, WaitFor
from runner.agents.base import Decision
from runner.checkpoints import Executed
from runner.checkpoints import Screen as Shown
from runner.execute import execute
from runner.outcome import must_answer
from runner.redaction.arrival import find_secret
from runner.redaction.screen import Redaction
from runner.reexecution.aim import Look, Moved, NotDone, found_again, moved_apart, with_patience
from runner.reexecution.compare import Comparison, compare
from runner.reexecution.learning import Learning
from runner.reexecution.pixels import differing, visibly, without
from runner.reexecution.record import Record, RecordedStep
from runner.reexecution.report import StepResult
from runner.reexecution.structure import Structure, structure_of
from runner.reexecution.waiting import Patience, Wait
from runner.replay.describe import describe
from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.errors import DeadlineExceeded, GuestError, InputError
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Point
from sandboxes.observation import Observation
from sandboxes.spec import Screen

# A target may take so many times as long as it did in the record.
_SLOWER = 5


@dataclass(frozen=True, slots=True)
class Reached:
    """A step's screen as it is now: the last look, and how it compares with the record."""

    step: RecordedStep
    seen: Observation
    comparison: Comparison
    waited_s: float

    def but(self, reason: str) -> Reached:
        """The same, with this to say first."""
        reasons = (reason, *self.comparison.reasons)
        return replace(self, comparison=replace(self.comparison, reasons=reasons))


Tell = Callable[[StepResult], None]


@dataclass
class Player:
    """What grows: `results`, a step at a time, and what is learnt. Screens are compared as they were kept,
    without what `redaction` hides."""

    desktop: Desktop
    record: Record
    tell: Tell
    patience: Patience
    redaction: Redaction
    results: list[StepResult] = field(default_factory=list)
    learning: Learning = field(default_factory=Learning)

    async def play(self, start: int = 0, until: int | None = None) -> Reached | None:
        """Carry out all steps from `start` on, or those before `until`, whose screen is then there.

        Returns where the screens part, which is where it stops; None where they do not. A look that may have
        been one at a passing screen, or that differs slightly, is decided by the next. Raises InfraError.
        """
        suspect: Reached | None = None
        before: RecordedStep | None = None
        for step in self.record.steps(start):
            if before is not None and _did_nothing(before) and before.structure.matches(step.structure):
                self.learning.watch(before.frame, step.frame)
            before = step
            final = step.number == until
            reached = await self._reach(step, passing=step.passing and not final)
            suspect = None if reached.comparison.same else suspect or reached
            if final:
                self._note(reached)
                return None if self._may_go_on(reached) else suspect
            if suspect is not None and self._is_decided(reached, suspect):
                self._note(reached)
                return _where_they_part(suspect, reached)
            try:
                moved, note = await self._carry_out(reached)
            except NotDone as error:
                self._note(reached)
                return (suspect or reached).but(str(error))
            self._note(reached, moved, note)
        return suspect

    def _is_decided(self, reached: Reached, suspect: Reached) -> bool:
        """Whether a screen that differs is no passing one: its step says so, or an earlier one differed."""
        return not reached.step.passing and (suspect is not reached or reached.comparison.weight == "real")

    def _may_go_on(self, reached: Reached) -> bool:
        """Whether this is the state to arrive at, or what the step was about to wait for is there already."""
        if reached.comparison.same or reached.comparison.weight == "aside":
            return True
        after = next(self.record.steps(reached.step.number + 1), None)
        if after is None or not _only_waits(reached.step):
            return False
        return compare(after, reached.seen, self.learning.regions, self._furniture).same

    # --- looking ------------------------------------------------------------------------------------

    async def _reach(self, step: RecordedStep, passing: bool) -> Reached:
        """Look until the screen is the recorded one, or has stayed another one for long enough."""
        started = time.monotonic()
        wait = Wait(self.patience, passing, started, changed_at=started)
        pace, before = Pace(), None
        while True:
            with must_answer(self.desktop):
                seen = self.redaction.screen(await self.desktop.observe())
            if before is not None:
                self._watch(before, seen, wait)
            comparison = compare(step, seen, self.learning.regions, self._furniture)
            now = time.monotonic()
            if wait.is_over(comparison, now):
                return Reached(step, seen, comparison, now - started)
            before = seen
            with must_answer(self.desktop):
                await self.desktop.settle(timeout=1)
            await pace.wait()

    def _watch(self, before: Observation, seen: Observation, wait: Wait) -> None:
        """Nothing was done between these two looks."""
        if _structure(before).matches(_structure(seen)):
            self.learning.watch(before.screenshot.frame, seen.screenshot.frame)
        old, new = before.screenshot.frame, seen.screenshot.frame
        if before.tree.nodes != seen.tree.nodes or self._changes(old, new):
            wait.changed_at = time.monotonic()

    def _changes(self, old: Frame, new: Frame) -> bool:
        """Whether anything was painted outside the regions that always change."""
        return bool(without(visibly(differing(old, new), old, new), self.learning.regions).any())

    @cached_property
    def _furniture(self) -> frozenset[str]:
        """The windows of the bare desktop."""
        return frozenset(window.title for window in self.record.checkpoints[0].screen.windows)

    # --- acting -------------------------------------------------------------------------------------

    async def _carry_out(self, reached: Reached) -> tuple[list[Moved], str]:
        """What was done at a step, and whatever was found at another place. Raises NotDone, InfraError."""
        moves, notes = list[Moved](), list[str]()
        checkpoint = reached.step.checkpoint
        recorded = Look(reached.step.tree.nodes, checkpoint.screen.windows, _size(checkpoint.screen))
        now = Look(reached.seen.tree.nodes, reached.seen.windows, self.desktop.size)
        for number, executed in enumerate(checkpoint.executed):
            action = executed.action
            if not executed.ok and not executed.points:
                notes.append(f"not tried, as it failed in the record: {describe(action)}")
                continue
            if number == 0:  # later ones were aimed at a screen that nobody looked at
                action, moved = found_again(action, recorded, now)
                moves += moved
            moves += await self._execute(executed, action)
        if checkpoint.executed:
            with must_answer(self.desktop):
                await self.desktop.settle()
        return moves, "; ".join(notes)

    async def _execute(self, executed: Executed, action: Action) -> list[Moved]:
        points: list[Point] = []

        async def aimed(_: Target, at: Point) -> None:
            points.append(at)

        patient = with_patience(action, max(self.patience.target_s, _SLOWER * executed.took_s))
        try:
            await execute(self.desktop, patient, aimed, self.redaction.reveal)
            if self.redaction.blind:
                await find_secret(self.desktop, self.redaction)
        except (GuestError, DeadlineExceeded, InputError) as error:
            if executed.ok:
                raise NotDone(f"{describe(action)}: {error}") from error
        return moved_apart(action, executed.points, points)

    def _note(self, reached: Reached, moved: Sequence[Moved] = (), note: str = "") -> None:
        step, comparison = reached.step, reached.comparison
        does = "; ".join(describe(one.action) for one in step.checkpoint.executed)
        result = StepResult(
            step=step.number,
            does=does or _said(step.checkpoint.decision),
            level=comparison.level,
            passing=not comparison.same and (step.passing or comparison.weight != "real"),
            pixels=comparison.pixels,
            waited_s=round(reached.waited_s, 2),
            moved=tuple(moved),
            note=note,
        )
        self.results.append(result)
        self.tell(result)


def _where_they_part(suspect: Reached, reached: Reached) -> Reached:
    """The earlier look, with what has differed ever since; this one, where that was something else."""
    lasting = tuple(one for one in suspect.comparison.reasons if one in reached.comparison.reasons)
    if not lasting:
        return reached
    return replace(suspect, comparison=replace(suspect.comparison, reasons=lasting))


def _did_nothing(step: RecordedStep) -> bool:
    """Whether no input went anywhere."""
    return all(isinstance(one.action, WaitFor) for one in step.checkpoint.executed)


def _only_waits(step: RecordedStep) -> bool:
    executed = step.checkpoint.executed
    return bool(executed) and all(isinstance(one.action, Focus | WaitFor) for one in executed)


def _structure(seen: Observation) -> Structure:
    return structure_of(seen.tree, seen.windows, seen.taken_at)


def _size(screen: Shown) -> Screen:
    return Screen(width=screen.width, height=screen.height)


def _said(decision: Decision | None) -> str:
    return decision.say if decision else "ended"
