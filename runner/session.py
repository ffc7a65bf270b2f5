"""A session: one agent's stateful life on one desktop. Look, decide, act, settle, checkpoint, and again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import anyio

from runner.actions import Action, Target
from runner.agents.base import Act, ActionResult, Decider, Done, Failed, Look, View
from runner.checkpoints import Draft, Executed, Timings, Trail
from runner.execute import execute
from runner.guard import Guard, out_of
from runner.monitors.gate import ActionRefused
from runner.monitors.refusals import REFUSED
from runner.monitors.step import Step
from runner.outcome import Outcome, must_answer
from runner.progress import NOWHERE, Progress
from runner.redaction.arrival import find_secret
from sandboxes.desktop import Desktop
from sandboxes.errors import DeadlineExceeded, DeskswarmError, GuestError, InputError
from sandboxes.guest.protocol import Point

"""Where a secret does not show by then, it was typed where nothing shows."""


class Session:
    """Holds no desktop or agent beyond its run: both are its caller's to end."""

    def __init__(
        self,
        desktop: Desktop,
        agent: Decider,
        trail: Trail,
        instruction: str,
        inputs: Mapping[str, str],
        guard: Guard,
        progress: Progress = NOWHERE,
        save: Callable[[int, int], Awaitable[None]] | None = None,
    ) -> None:
        """`inputs` maps an input's name to its path on the desktop; `progress` is what was done on it before;
        `save` is told of each coming step, and how many decisions were acted on by then."""
        self._desktop = desktop
        self._agent = agent
        self._trail = trail
        self._instruction = instruction
        self._inputs = inputs
        self._guard = guard
        self._save = save
        self._acted = progress.steps
        self._before = progress.steps
        self._last = progress.last

    async def run(self) -> Outcome:
        """Until the agent is done or gives up, or its guard ends it. Raises AgentError, InfraError, and
        InputError where a monitor of the user's fails."""
        wall = self._guard.purse.wall()
        with anyio.move_on_after(wall.limit - wall.used):
            return await self._work()
        await self._checkpoint(await self._look())
        return out_of(replace(wall, used=wall.limit))

    async def _work(self) -> Outcome:
        while True:
            if self._save is not None:
                await self._save(self._trail.steps, self._acted)
            draft = await self._look()
            try:
                outcome = await self._turn(draft)
            finally:
                step = await self._checkpoint(draft)
            outcome = outcome or await self._guard.after(step)
            if outcome is not None:
                return outcome

    async def _turn(self, draft: Draft) -> Outcome | None:
        """One decision and what follows from it; an outcome where it is the last."""
        guard = self._guard
        if (outcome := await guard.before_decision(self._trail.steps)) is not None:
            return outcome
        with _timed(draft.timings, "agent_s"):
            decision = draft.decision = await self._agent.decide(self._view(draft))
        guard.purse.pay(decision.usage)
        match decision:
            case Look():
                self._last = ()
                return None
            case Done():
                return await self._end()
            case Failed():
                return Outcome("agent", decision.reason, decision.cause)
            case Act():
                if (outcome := guard.before_acting()) is not None:
                    return outcome
                self._acted += 1
                await self._act(draft, decision)
                return None

    async def _end(self) -> Outcome | None:
        """The agent says it is done: believe it, or tell it what is missing and go on."""
        step = self._trail.steps
        doubts = await self._guard.doubts(step)
        if not doubts:
            return await self._guard.believe(step)
        self._last = (ActionResult(ok=False, error=f"{REFUSED}not done: {'; '.join(doubts)}"),)
        return None

    def _view(self, draft: Draft) -> View:
        return View(
            instruction=self._instruction,
            step=self._trail.steps,
            inputs=self._inputs,
            last=self._last,
            budget=self._guard.purse.left(),
            observation=draft.seen,
            before=self._before,
        )

    async def _look(self) -> Draft:
        timings = Timings()
        with _timed(timings, "look_s"), must_answer(self._desktop):
            return Draft(await self._desktop.observe(), timings)

    async def _act(self, draft: Draft, decision: Act) -> None:
        with _timed(draft.timings, "act_s"):
            for index, action in enumerate(decision.actions):
                await self._carry_out(draft, index, action)
                if not draft.executed[-1].ok:
                    break
        self._last = tuple(ActionResult(ok=done.ok, error=done.error) for done in draft.executed)
        with _timed(draft.timings, "settle_s"), must_answer(self._desktop):
            await self._desktop.settle()

    async def _carry_out(self, draft: Draft, index: int, action: Action) -> None:
        """Try one action and note what became of it, also where the session ends in the middle of it."""
        points: list[Point] = []
        error: str | None = "cut short"
        started = time.monotonic()
        step = self._trail.steps

        async def aimed(target: Target, at: Point) -> None:
            points.append(at)
            await self._guard.before_input(step, index, target, at)

        try:
            await self._guard.before_action(step, index, action)
            await self._trail.intend(index, action)
            await execute(self._desktop, action, aimed, self._trail.redaction.reveal)
            if self._trail.redaction.blind:
                await find_secret(self._desktop, self._trail.redaction)
            error = None
        except (GuestError, DeadlineExceeded, InputError, ActionRefused) as failure:
            error = str(failure)
        except DeskswarmError as failure:
            error = str(failure)
            raise
        finally:
            took_s = time.monotonic() - started
            draft.executed.append(
                Executed(action=action, points=tuple(points), ok=error is None, error=error, took_s=took_s)
            )

    async def _checkpoint(self, draft: Draft) -> Step:
        with anyio.CancelScope(shield=True):
            checkpoint = await self._trail.add(draft)
        return Step(checkpoint, draft.seen.tree, draft.shown)


@contextmanager
def _timed(timings: Timings, name: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        setattr(timings, name, time.monotonic() - started)
