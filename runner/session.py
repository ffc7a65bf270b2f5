"""A session: one agent's stateful life on one desktop. Look, decide, act, settle, checkpoint, and again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from runner.actions import Action
from runner.agents.base import Act, ActionResult, Agent, BudgetLeft, Done, Failed, Usage, View
from runner.checkpoints import Draft, Executed, Timings, Trail
from runner.execute import execute
from runner.spec import Budget
from sandboxes.desktop import Desktop
from sandboxes.errors import (
    DeadlineExceeded,
    DeskswarmError,
    DesktopLost,
    FailureKind,
    GuestError,
    InputError,
)
from sandboxes.guest.protocol import Point


@dataclass(frozen=True, slots=True)
class Outcome:
    """How something ended: `failure` is None where it went well."""

    failure: FailureKind | None = None
    reason: str = ""


class Meter:
    """What an attempt has used of its budget. The clock starts when the meter is made."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._until = time.monotonic() + budget.wall_s
        self._steps = 0
        self._usage = Usage()

    def pay(self, usage: Usage) -> None:
        self._usage += usage

    def step(self) -> bool:
        """Take one step; False where none is left."""
        self._steps += 1
        return self._steps <= self._budget.steps

    def overdrawn(self) -> str | None:
        """What is used up, so that no further decision may be paid for."""
        if self._budget.tokens is not None and self._usage.tokens >= self._budget.tokens:
            return f"{self._usage.tokens} of {self._budget.tokens} tokens used"
        if self._budget.money is not None and self._usage.money >= self._budget.money:
            return f"{self._usage.money:g} of {self._budget.money:g} US dollars used"
        return None

    def left(self) -> BudgetLeft:
        tokens, money = self._budget.tokens, self._budget.money
        return BudgetLeft(
            steps=self._budget.steps - self._steps,
            wall_s=max(0.0, self._until - time.monotonic()),
            tokens=None if tokens is None else max(0, tokens - self._usage.tokens),
            money=None if money is None else max(0.0, money - self._usage.money),
        )


@contextmanager
def must_answer(desktop: Desktop) -> Iterator[None]:
    """Where no agent has a part in it, a desktop that does not answer in time is a lost one, and `infra`."""
    try:
        yield
    except DeadlineExceeded as error:
        raise DesktopLost(f"desktop {desktop.id} does not answer: {error}") from error


class Session:
    """Holds no desktop or agent beyond its run: both are its caller's to end."""

    def __init__(
        self,
        desktop: Desktop,
        agent: Agent,
        trail: Trail,
        instruction: str,
        inputs: Mapping[str, str],
        budget: Budget,
    ) -> None:
        """`inputs` maps an input's name to its path on the desktop."""
        self._desktop = desktop
        self._agent = agent
        self._trail = trail
        self._instruction = instruction
        self._inputs = inputs
        self._budget = budget
        self._meter = Meter(budget)

    async def run(self) -> Outcome:
        """Until the agent is done or gives up, or the budget ends it. Raises AgentError and InfraError."""
        with anyio.move_on_after(self._budget.wall_s):
            return await self._work()
        await self._checkpoint(await self._look())
        return Outcome("timeout", f"{self._budget.wall_s:g} s of wall time used")

    async def _work(self) -> Outcome:
        last: tuple[ActionResult, ...] = ()
        while True:
            draft = await self._look()
            try:
                outcome = await self._turn(draft, last)
            finally:
                await self._checkpoint(draft)
            if outcome is not None:
                return outcome
            last = tuple(ActionResult(ok=done.ok, error=done.error) for done in draft.executed)

    async def _turn(self, draft: Draft, last: tuple[ActionResult, ...]) -> Outcome | None:
        """One decision and what follows from it; an outcome where it is the last."""
        if spent := self._meter.overdrawn():
            return Outcome("budget", spent)
        with _timed(draft.timings, "agent_s"):
            decision = draft.decision = await self._agent.decide(self._view(draft, last))
        self._meter.pay(decision.usage)
        match decision:
            case Done():
                return Outcome()
            case Failed():
                return Outcome("agent", decision.reason)
            case Act():
                if not self._meter.step():
                    return Outcome("budget", f"{self._budget.steps} of {self._budget.steps} steps used")
                await self._act(draft, decision)
                return None

    def _view(self, draft: Draft, last: tuple[ActionResult, ...]) -> View:
        return View(
            instruction=self._instruction,
            step=self._trail.steps,
            inputs=self._inputs,
            last=last,
            budget=self._meter.left(),
            observation=draft.seen,
        )

    async def _look(self) -> Draft:
        timings = Timings()
        with _timed(timings, "look_s"), must_answer(self._desktop):
            return Draft(await self._desktop.observe(), timings)

    async def _act(self, draft: Draft, decision: Act) -> None:
        with _timed(draft.timings, "act_s"):
            for action in decision.actions:
                await self._carry_out(draft, action)
                if not draft.executed[-1].ok:
                    break
        with _timed(draft.timings, "settle_s"), must_answer(self._desktop):
            await self._desktop.settle()

    async def _carry_out(self, draft: Draft, action: Action) -> None:
        """Try one action and note what became of it, also where the session ends in the middle of it."""
        points: list[Point] = []
        error: str | None = "cut short"
        started = time.monotonic()
        try:
            await execute(self._desktop, action, points)
            error = None
        except (GuestError, DeadlineExceeded, InputError) as failure:
            error = str(failure)
        except DeskswarmError as failure:
            error = str(failure)
            raise
        finally:
            took_s = time.monotonic() - started
            draft.executed.append(
                Executed(action=action, points=tuple(points), ok=error is None, error=error, took_s=took_s)
            )

    async def _checkpoint(self, draft: Draft) -> None:
        with anyio.CancelScope(shield=True):
            await self._trail.add(draft)


@contextmanager
def _timed(timings: Timings, name: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        setattr(timings, name, time.monotonic() - started)
