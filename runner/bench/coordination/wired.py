"""The baseline: the same agents on the same desktops, wired straight to each other.

Each works until it says it is done, or as many steps as its budget has; what it left is put on the next one's
desktop, and all that was said and seen before goes along. Nothing is validated, watched or tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anyio import to_thread

from runner.agents.base import Act, ActionResult, BudgetLeft, Decision, View
from runner.bench.coordination.books import books_of
from runner.bench.coordination.clerk import Clerk
from runner.bench.coordination.faults import draw_fault, of_attempt
from runner.bench.coordination.guarded import Ended
from runner.bench.coordination.plans import STEPS, BenchPlan
from runner.compile import Compiled, compile_swarm
from runner.execute import execute
from runner.plan import PlannedTask
from runner.spec import Task
from runner.tokens import count_tokens
from sandboxes.desktop import Desktop
from sandboxes.errors import DeadlineExceeded, FileError, GuestError, InputError
from sandboxes.host import Host
from sandboxes.observation import Observation


@dataclass(slots=True)
class _Told:
    """What an agent's messages come to, in tokens: what it said, and with what it was shown."""

    said: int = 0
    all: int = 0
    done: bool = False
    steps: int = 0
    left: dict[str, bytes] = field(default_factory=dict)


async def run_wired(host: Host, plan: BenchPlan, folder: Path) -> Ended:
    """Run a plan; `folder` holds its files."""
    compiled = await to_thread.run_sync(compile_swarm, plan.swarm, folder)
    tasks = {task.id: task for task in compiled.swarm.tasks}
    told: dict[str, _Told] = {}
    for planned in compiled.plan.tasks:
        told[planned.id] = await _one(host, plan, planned, tasks[planned.id], told, folder)
    before = _all_before(compiled)
    result = told[plan.final].left.get("work")
    return Ended(
        right=books_of(result) == plan.truth,
        says_succeeded=all(one.done for one in told.values()),
        tokens=sum(told[name].all for names in before.values() for name in names),
        said=sum(told[name].said for names in before.values() for name in names),
        steps=sum(one.steps for one in told.values()),
    )


def _all_before(compiled: Compiled) -> dict[str, set[str]]:
    """By task, all whose messages have gone into its history; each counts once, however many ways it came."""
    before: dict[str, set[str]] = {}
    for planned in compiled.plan.tasks:
        before[planned.id] = set(planned.needs).union(*(before[need] for need in planned.needs))
    return before


async def _one(
    host: Host, plan: BenchPlan, planned: PlannedTask, task: Task, told: Mapping[str, _Told], folder: Path
) -> _Told:
    desktop = await host.start(task.desktop, holder=f"wired/{plan.number}/{task.id}", backend="simulated")
    async with desktop:
        for name, source in task.inputs.items():
            content = _given(planned, name, source.file, told, folder)
            if content is not None:
                await desktop.files.write(source.to, content)
        random = of_attempt(plan.number, task.id, 1, plan.seed)
        one = await _work(desktop, Clerk(task, draw_fault(random), random), task)
        for name, output in task.outputs.items():
            try:
                one.left[name] = await desktop.files.read(output.path, max_bytes=1 << 20)
            except FileError:
                continue
    return one


def _given(
    planned: PlannedTask, name: str, file: str | None, told: Mapping[str, _Told], folder: Path
) -> bytes | None:
    """What the agent before has left, whatever it is."""
    if file is not None:
        return (folder / file).read_bytes()
    source = planned.artifacts[name]
    return told[source.task].left.get(source.output)


async def _work(desktop: Desktop, clerk: Clerk, task: Task) -> _Told:
    told = _Told()
    told.said = told.all = count_tokens(task.instruction)
    last: tuple[ActionResult, ...] = ()
    async with clerk:
        while told.steps < STEPS:
            seen = await desktop.observe()
            decision = await clerk.decide(_view(task, told.steps, last, seen))
            said = count_tokens(_said(decision))
            told.said += said
            told.all += said + count_tokens(_shown(seen))
            if not isinstance(decision, Act):
                told.done = True
                break
            last = (await _try(desktop, decision),)
            told.steps += 1
    return told


def _view(task: Task, step: int, last: tuple[ActionResult, ...], seen: Observation) -> View:
    left = BudgetLeft(steps=STEPS - step, wall_s=600, tokens=None, money=None)
    return View(instruction=task.instruction, step=step, inputs={}, last=last, budget=left, observation=seen)


async def _try(desktop: Desktop, decision: Act) -> ActionResult:
    try:
        for action in decision.actions:
            await execute(desktop, action, _unwatched)
    except (GuestError, DeadlineExceeded, InputError) as error:
        return ActionResult(ok=False, error=str(error))
    return ActionResult(ok=True)


async def _unwatched(_target: object, _at: object) -> None:
    return None


def _said(decision: Decision) -> str:
    return decision.model_dump_json(exclude_defaults=True)


def _shown(seen: Observation) -> str:
    """The screen as a text model is shown it: what each object is, its name and its text."""
    return "\n".join(f"{node.role} {node.name} {node.text}".rstrip() for node in seen.tree.nodes)
