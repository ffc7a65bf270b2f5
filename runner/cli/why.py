"""`deskswarm why`."""

from __future__ import annotations

from runner.cli.journals import open_journal, read_decisions
from runner.cli.output import one_line
from runner.errors import suggest
from runner.why import tell_why
from sandboxes.errors import InputError

_LINE = 200


def print_why(run: str, task: str) -> None:
    """Raises InputError for a run or a task that is not there."""
    with open_journal() as journal:
        state = read_decisions(journal, run)
        if task not in state.tasks:
            raise InputError(f"task: {task!r} is not in run {state.id}{suggest(task, state.tasks)}")
        records = journal.read_decisions(state.id)
        for attempt in state.tasks[task].attempts:
            records += journal.read_steps(state.id, task, attempt.number)
    records.sort(key=lambda record: record.seq)
    for line in tell_why(state, records, task):
        indent = line[: len(line) - len(line.lstrip())]
        print(indent + one_line(line, _LINE))
