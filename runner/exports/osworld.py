"""A run as the folders in which OSWorld's own tools look for results.

    OUT/<action space>/<observation type>/<model>/<domain>/<task>/
        step_<n>_<time>.png  traj.jsonl  result.txt  recording.mp4

A row of `traj.jsonl` is an action; its picture shows the screen after it. The domain is the task's label of
that name, or the swarm; the model is the agent. Actions are deskswarm's own, DONE and FAIL are OSWorld's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.actions import short_form
from runner.agents.base import Decision, Done, Failed
from runner.artifacts import ArtifactStore, Sha256
from runner.checkpoints import Checkpoint
from runner.exports.recording import Recording
from runner.frames import read_frame
from runner.osworld.spec import DOMAIN, SUBJECT
from runner.state import AttemptState

ACTION_SPACE = "deskswarm"
OBSERVATION_TYPE = "screenshot_a11y_tree"


@dataclass(frozen=True, slots=True)
class _Row:
    """`frame` is what the screen showed afterwards; `at` is in seconds since the epoch."""

    step: int
    at: float
    action: Any
    response: str
    frame: Sha256
    error: str | None = None
    done: bool = False

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y%m%d@%H%M%S%f")

    @property
    def picture(self) -> str:
        return f"step_{self.step}_{self.time}.png"


def results_folder(recording: Recording, out: Path) -> Path:
    """Where the results of a task go under `out`."""
    model = recording.attempt.agent or recording.task.agent
    name = model if isinstance(model, str) else model.kind
    domain = recording.task.labels.get(DOMAIN, recording.run.swarm.name)
    return out / ACTION_SPACE / OBSERVATION_TYPE / name / domain / recording.task.id


def write_results(recording: Recording, store: ArtifactStore, folder: Path) -> None:
    """Write pictures, rows and result. Raises InfraError where the record cannot be read, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "traj.jsonl").open("w", encoding="utf-8") as lines:
        for row in _rows(recording.checkpoints):
            (folder / row.picture).write_bytes(read_frame(store, row.frame).png())
            lines.write(json.dumps(_as_osworld(row), ensure_ascii=False) + "\n")
    (folder / "result.txt").write_text(f"{_score(recording.attempt)}\n")


def _score(attempt: AttemptState) -> float:
    """Where OSWorld's own evaluator has ruled, what it said: that may be a part of 1."""
    findings = attempt.verdict.findings if attempt.verdict else ()
    scores = [one.facts.get("score") for one in findings if one.subject == SUBJECT]
    said = next((score for score in scores if isinstance(score, int | float)), None)
    return float(attempt.status == "succeeded" if said is None else said)


def _as_osworld(row: _Row) -> dict[str, Any]:
    """OSWorld gives a reward for the whole task only, in `result.txt`."""
    return {
        "step_num": row.step,
        "action_timestamp": row.time,
        "action": row.action,
        "response": row.response,
        "reward": 0,
        "done": row.done,
        "info": {"error": row.error} if row.error else {},
        "screenshot_file": row.picture,
    }


def _rows(checkpoints: tuple[Checkpoint, ...]) -> Iterator[_Row]:
    for index, checkpoint in enumerate(checkpoints):
        decision = checkpoint.decision
        after = checkpoints[min(index + 1, len(checkpoints) - 1)].screen.frame
        at = checkpoint.screen.taken_at + checkpoint.timings.agent_s
        for done in checkpoint.executed:
            yield _Row(index + 1, at, short_form(done.action), _response(decision), after, done.error)
            at += done.took_s
        if isinstance(decision, Done | Failed):
            action = "FAIL" if isinstance(decision, Failed) else "DONE"
            yield _Row(index + 1, at, action, _response(decision), after, done=index + 1 == len(checkpoints))


def _response(decision: Decision | None) -> str:
    if isinstance(decision, Failed):
        return decision.reason
    return decision.note if decision else ""
