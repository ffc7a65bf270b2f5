"""`deskswarm watch`: a run of any process, as it goes."""

from __future__ import annotations

import json
import sys
from typing import Any

from runner.artifacts import ArtifactStore
from runner.checkpoints import read_checkpoint
from runner.cli.exit_codes import code_of_run
from runner.cli.journals import find_run, open_artifacts, open_journal
from runner.cli.progress import Lines
from runner.cli.signals import run_interruptibly
from runner.events import CheckpointTaken
from runner.journal import Record
from runner.state import fold
from runner.stream import follow
from runner.summary import summarize
from sandboxes.errors import InfraError


def watch_run(run: str, task: str | None, after_step: int | None, as_json: bool) -> int:
    """The exit code the run itself ends with. `after_step` counts from 1, as what is printed does.

    Raises InputError for an unknown run or task, InfraError where the controller died before the run's end.
    """
    store = open_artifacts()
    lines = Lines(store, sys.stdout)
    after = None if after_step is None else after_step - 1

    async def work() -> bool:
        async for record in follow(journal, found, task, after):
            if as_json:
                print(json.dumps(_as_json(record, store)), flush=True)
            else:
                lines.take(record)
        return True

    with open_journal() as journal:
        found = find_run(journal, run)
        run_interruptibly(work)
        state = fold(journal.read(found))
    if state.status == "running":
        raise InfraError(f"run {found} was abandoned, its controller is gone: `deskswarm resume {found}`")
    return code_of_run(summarize(state))


def _as_json(record: Record, store: ArtifactStore) -> dict[str, Any]:
    """An event with its place in the journal; that of a checkpoint holds the checkpoint itself as well."""
    line = {"seq": record.seq, "run": record.run, "at": record.at, **record.event.model_dump(mode="json")}
    if isinstance(record.event, CheckpointTaken):
        line["checkpoint"] = read_checkpoint(store, record.event.sha256).model_dump(mode="json")
    return line
