"""Faults of agents: they go round in circles, stop early, say too much, spend too much, hold on, or ask."""

from __future__ import annotations

from dataclasses import replace

import anyio

from runner.agents.base import Act, Ask, Done, Reply, Usage
from runner.drill.fault import Fault, Proof, Undisturbed, anywhere, ended, with_outputs
from runner.drill.of_outputs import FALSE_CLAIM
from runner.drill.rehearsal import Rehearsal, outputs_of_its_own
from runner.drill.stage import Scene, Turn
from runner.events import Answered, AttemptEnded, Event, Refused, Warned
from runner.graph import by_id, needs_of
from runner.handoff import Edges
from runner.people import BY_DEFAULT
from runner.plan import make_plan
from runner.rules import Lock
from runner.spec import Allowance, Budget, Task
from runner.tokens import LETTERS_PER_TOKEN

_LOCK = "drill"
_TOKENS = 10_000
_SAME_STEP = Act.model_validate({"actions": [{"hover": {"at": {"x": 1, "y": 1}}}]})


async def _loop(turn: Turn) -> Reply:
    if turn.number == 0:
        return await turn.honest()
    turn.stage.inject()
    return _SAME_STEP


async def _stop_early(turn: Turn) -> Reply:
    """It says that it is done, once; told that it is not, it goes on."""
    if turn.number == 1:
        turn.stage.inject()
        return Done()
    if turn.number == 2:
        return await replace(turn, view=replace(turn.view, last=())).honest()
    return await turn.honest()


async def _say_too_much(turn: Turn) -> Reply:
    reply = await turn.honest()
    if not isinstance(reply, Done):
        return reply
    rehearsal = turn.scene.rehearsal
    onward = Edges(rehearsal.swarm, make_plan(rehearsal.swarm)).onward(turn.scene.target)
    limit = max(edge.handoff.max_tokens for edge in onward)
    brief = "m" * LETTERS_PER_TOKEN * (limit + 1)
    turn.stage.inject(brief.encode())
    return reply.model_copy(update={"brief": brief})


async def _burn(turn: Turn) -> Reply:
    """Each decision costs all that is left."""
    reply = await turn.honest()
    turn.stage.inject()
    left = turn.view.budget
    return reply.model_copy(update={"usage": Usage(tokens=left.tokens or 0, money=left.money or 0)})


async def _hold_on(turn: Turn) -> Reply:
    if turn.number == 1:
        turn.stage.inject()
        await anyio.sleep_forever()
    return await turn.honest()


async def _ask(turn: Turn) -> Reply:
    if turn.number == 1:
        turn.stage.inject()
        return Ask(question="Is this a drill?", choices=("yes", "no"), default="yes")
    return await turn.honest()


# --- where ------------------------------------------------------------------------------------------


def _watched_least(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    task = rehearsal.pick(weak=lambda task: task.monitors.repeats.then == "off")
    assert task is not None, "a swarm has a task"
    return Scene(rehearsal, task.id)


def _believed_most(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    return with_outputs(rehearsal, outputs_of_its_own, lambda task: task.monitors.claims.then == "off")


def _handing_on(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    """The receivers must be given what the agent says, not a brief of the plan's own."""
    needed = [need for task in rehearsal.swarm.tasks for need in needs_of(task, by_id(rehearsal.swarm))]
    anyone = rehearsal.pick()
    assert anyone is not None, "a swarm has a task"
    if not needed:
        return Scene(rehearsal.with_receiver(anyone.id), anyone.id)
    target = needed[0]
    for task in rehearsal.swarm.tasks:
        fixed = task.handoffs.get(target)
        if fixed is not None and fixed.brief is not None:
            handoffs = {**task.handoffs, target: fixed.model_copy(update={"brief": None})}
            rehearsal = rehearsal.with_task(task.id, handoffs=handoffs).noted(
                f"{task.id} is given {target}'s own brief, not the plan's"
            )
    return Scene(rehearsal, target)


def _with_a_budget(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    """Of tokens or money: one of the plan's or, where there is none, one for a task."""
    task = rehearsal.pick(lambda task: any(_is_limited(one) for one in _budgets(rehearsal, task)))
    if task is not None:
        return Scene(rehearsal, task.id)
    anyone = rehearsal.pick()
    assert anyone is not None, "a swarm has a task"
    budget = anyone.budget.model_copy(update={"tokens": _TOKENS})
    return Scene(
        rehearsal.with_task(anyone.id, budget=budget).noted(f"{anyone.id} has a budget of {_TOKENS} tokens"),
        anyone.id,
    )


def _budgets(rehearsal: Rehearsal, task: Task) -> list[Budget | Allowance]:
    shared = [rehearsal.swarm.budget, *([rehearsal.swarm.tiers[task.tier]] if task.tier else [])]
    return [task.budget, task.total, *shared]


def _is_limited(budget: Budget | Allowance) -> bool:
    return budget.tokens is not None or budget.money is not None


def _with_a_lock(rehearsal: Rehearsal, undisturbed: Undisturbed) -> Scene:
    """A lock that may be held long enough for honest work, here, and not for long."""
    task = rehearsal.pick(lambda task: bool(task.locks))
    if task is None:
        task = rehearsal.pick()
        assert task is not None, "a swarm has a task"
        rehearsal = rehearsal.with_swarm(locks={**rehearsal.swarm.locks, _LOCK: Lock()})
        rehearsal = rehearsal.with_task(task.id, locks=(_LOCK,)).noted(f"{task.id} needs a lock, {_LOCK}")
    held = set(rehearsal.task(task.id).locks)
    holders = [one.id for one in rehearsal.swarm.tasks if held & set(one.locks)]
    hold_s = 3 + 3 * max(undisturbed.took_s[name] for name in holders)
    locks = {
        name: lock.model_copy(update={"hold_s": min(lock.hold_s, hold_s)}) if name in held else lock
        for name, lock in rehearsal.swarm.locks.items()
    }
    note = f"{', '.join(sorted(held))} may be held for {hold_s:.0f} s, over three times what the work takes"
    return Scene(rehearsal.with_swarm(locks=locks).noted(note), task.id)


# --- proofs -----------------------------------------------------------------------------------------


def _stopped_or_told(monitor: str) -> Proof:
    """The monitor ended the attempt, refused what was asked, or warned of it."""
    return lambda event: (
        (isinstance(event, AttemptEnded) and (event.failure, event.cause) == ("agent", monitor))
        or (isinstance(event, Refused | Warned) and event.monitor == monitor)
    )


def _spent(event: Event) -> bool:
    return (
        isinstance(event, AttemptEnded)
        and event.failure == "budget"
        and event.cause.rpartition("_")[2] in ("tokens", "money")
    )


def _nobody_answered(event: Event) -> bool:
    return isinstance(event, Answered) and event.by == BY_DEFAULT


FAULTS = (
    Fault(
        "agent loops",
        "monitor repeats (agent.repeats)",
        _watched_least,
        _loop,
        _stopped_or_told("repeats"),
    ),
    Fault(
        "agent stops early",
        "monitor claims (refused)",
        _believed_most,
        _stop_early,
        _stopped_or_told("claims"),
    ),
    FALSE_CLAIM,
    Fault(
        "brief overflow",
        "handoff (contract.brief)",
        _handing_on,
        _say_too_much,
        ended("contract", "brief"),
    ),
    Fault("budget burnt", "budget (budget.tokens, budget.money)", _with_a_budget, _burn, _spent),
    Fault("lock held for ever", "lock (timeout.lock)", _with_a_lock, _hold_on, ended("timeout", "lock")),
    Fault("person never answers", "escalation (default)", anywhere, _ask, _nobody_answered),
)
