"""Sessions of agents behind models, on simulated desktops, against strict local servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.checkpoints import Checkpoint, read_chain
from runner.controller import run_swarm
from runner.events import Asked
from runner.journal import Record
from runner.state import AttemptState, RunState
from sandboxes.simulation.files import Files
from sandboxes.simulation.notes import Clipboard, Notes
from sandboxes.spec import Screen
from tests.runner.laboratory import SMALL, Laboratory, swarm
from tests.runner.models.strict import Json, StrictServer

NOTE = {"check": "text", "path": "~/note.txt", "equals": "hello"}


def center(name: str) -> tuple[int, int]:
    """Where a widget of the simulated desktop is on its screen."""
    nodes = Notes(Screen(**SMALL["screen"]), Files(1 << 20), Clipboard()).nodes()
    rect = next(node.rect for node in nodes if node.name == name and node.rect)
    return rect.center.x, rect.center.y


def task_of(agent: Json, **more: Any) -> Json:
    return {
        "id": "a",
        "instruction": "Write hello.",
        "agent": agent,
        "desktop": SMALL,
        "retry": {"infra": 0},
    } | more


Person = Callable[[Laboratory, Record], None]


async def attempt_at(
    lab: Laboratory, server: StrictServer, agent: Json, person: Person | None = None, **task: Any
) -> tuple[AttemptState, list[Checkpoint]]:
    """One attempt of the agent, with the server as its provider; `person` sees every event."""
    with server.serving() as url:
        whole = swarm(task_of({**agent, "base_url": url + agent.get("base_url", "")}, **task))
        state = await _run(lab, whole, person)
    [attempt] = state.tasks["a"].attempts
    return attempt, read_chain(lab.store, attempt.checkpoints[-1].sha256)


async def _run(lab: Laboratory, whole: Any, person: Person | None) -> RunState:
    def tell(record: Record, _state: RunState) -> None:
        lab.records.append(record)
        if person is not None:
            person(lab, record)

    summary = await run_swarm(whole, lab.folder, lab.home, backend="simulated", on_event=tell)
    return lab.read(summary.run)


def typed(chain: list[Checkpoint]) -> list[str]:
    """What was carried out, in the order it was."""
    return [done.action.do for point in chain for done in point.executed]


def questions(lab: Laboratory) -> list[Asked]:
    return [record.event for record in lab.records if isinstance(record.event, Asked)]


def everything_kept(lab: Laboratory, attempt: AttemptState, chain: list[Checkpoint]) -> str:
    """All that is on disk, as text: files as they are, and what the journal and the store hold, unpacked."""
    files = [path.read_bytes().decode("latin-1") for path in lab.home.rglob("*") if path.is_file()]
    evidence = [lab.store.get(digest).decode("latin-1") for digest in attempt.evidence.values()]
    records = [str(record) for record in lab.records]
    return "\n".join([*files, *evidence, *records, *(point.model_dump_json() for point in chain)])
