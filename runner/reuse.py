"""Work that need not be done again: tasks that an earlier run of this home has done, with all they depend on.

Two tasks are the same where their hashes are: what is asked, of which agent, on what desktop, with which
files, and the same of every task they need (runner.plan).
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.artifacts import ArtifactStore
from runner.events import Event, HandoffSent, RunStarted, TaskReused
from runner.handoff import Edges, Onward, over_limit
from runner.journal import Journal
from runner.plan import PlannedTask
from runner.state import RunState, fold_decisions


def done_before(journal: Journal, store: ArtifactStore, state: RunState) -> list[TaskReused]:
    """What an earlier run on the same backend has done of a run that begins, the newest first."""
    edges = Edges(state.swarm, state.plan)
    wanted = [node for node in state.plan.tasks if _stands_alone(node, edges)]
    found: dict[str, TaskReused] = {}
    for run in journal.runs():
        if len(found) == len(wanted):
            break
        if run == state.id or not _may_have_done(journal.first(run).event, state.backend, wanted, found):
            continue
        earlier = fold_decisions(journal, run)
        if earlier.imported:
            continue
        for node in wanted:
            reused = None if node.id in found else _done_in(earlier, node, found, edges)
            if reused is not None and all(store.has(kept.sha256) for kept in reused.outputs.values()):
                found[node.id] = reused
    return list(found.values())


def _stands_alone(node: PlannedTask, edges: Edges) -> bool:
    """A desktop that goes from task to task is gone with the run: who takes one, or gives one, works anew."""
    gives = any(edge.handoff.mode != "fresh" for edge in edges.onward(node.id))
    return not gives and edges.desktop_from(node.id) is None


def _may_have_done(
    started: Event, backend: str, wanted: list[PlannedTask], found: Mapping[str, TaskReused]
) -> bool:
    """Whether a run that began so had a task that is still wanted."""
    if not isinstance(started, RunStarted) or started.backend != backend:
        return False
    missing = {node.hash for node in wanted if node.id not in found}
    return any(node.hash in missing for node in started.plan.tasks)


def _done_in(
    earlier: RunState, node: PlannedTask, found: Mapping[str, TaskReused], edges: Edges
) -> TaskReused | None:
    task = earlier.tasks.get(node.id)
    if task is None or task.status != "succeeded" or not task.attempts:
        return None
    if earlier.frontier.nodes[node.id].hash != node.hash or not found.keys() >= set(node.needs):
        return None
    attempt = task.attempts[-1]
    given = {name: found[ref.task].outputs[ref.output].sha256 for name, ref in node.artifacts.items()}
    if any(attempt.inputs[name].sha256 != sha256 for name, sha256 in given.items()):
        return None
    handoffs = _handoffs(earlier, edges.onward(node.id), node.id)
    if handoffs is None:
        return None
    return TaskReused(
        task=node.id, run=earlier.id, did=attempt.number, outputs=attempt.outputs, handoffs=handoffs
    )


def _handoffs(earlier: RunState, onward: tuple[Onward, ...], sender: str) -> tuple[HandoffSent, ...] | None:
    """What it handed on, where that is what is asked of it now; None where it is not."""
    sent = earlier.coordination.handoffs
    messages = []
    for edge in onward:
        message = sent.get(edge.receiver.id, {}).get(sender)
        if message is None or not _fits(edge, message):
            return None
        messages.append(message)
    return tuple(messages)


def _fits(edge: Onward, message: HandoffSent) -> bool:
    handoff = edge.handoff
    return (
        message.mode == "fresh"
        and message.intent == (handoff.intent or edge.receiver.instruction)
        and message.inputs.keys() == edge.wants.keys()
        and (handoff.brief is None or handoff.brief == message.brief)
        and not over_limit(edge, message)
    )
